"""The figures of a contention test: what each sale sold, and how long the buyers waited."""

from collections import Counter

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from report.charts import plotting, theme
from report.charts.figures import Figure, Section
from report.charts.percentile_curves import PercentileChart
from report.evidence import Evidence, Variant
from report.numbers import number

LARGEST_DOT_PX = 19.0
ANSWERS = PercentileChart(
    id="answers",
    title="How long an answer took",
    lead="From the send of a request to buy until its answer, whatever it said, with everybody "
    "asking at once. A synchronous shop answers with the outcome, a queue with the acceptance.",
    unit="answer to a purchase, ms (log)",
    of=lambda run: run.purchase_ms,
)


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """Return all figures."""
    lead = (
        "Each dot stands for the sales of as many units on sale and units sold; its area is "
        "the number of sales. On the line a sale sold out; a dot above it is an oversell."
    )
    sold = Section("sold", "Units sold of the units on sale", lead, (_sold(evidence),))
    return sold, ANSWERS.section(evidence)


def _sold(evidence: Evidence) -> Figure:
    counted = {variant.name: _dots(evidence, variant) for variant in evidence.variants}
    every = [dots for dots in counted.values() if dots]
    reach = max((max(pair) for dots in every for pair in dots), default=1) + 0.6
    most = max((max(dots.values()) for dots in every), default=1)
    drawn, said = [], []
    for variant in evidence.variants:
        dots = counted[variant.name]
        name, title, colour = plotting.panel_words("sold", "", (variant,))
        drawing, ax = plotting.frame(title, "units sold, by units on sale", colour, ())
        _draw(ax, dots, colour, most=most, reach=reach)
        found = f"{variant.title}: {_in_words(dots)}"
        drawn.append(plotting.picture(drawing, name, f"Units sold by units on sale, {found}"))
        said.append(found)
    return Figure("sold", "Units sold of the units on sale", " ".join(said), tuple(drawn))


def _dots(evidence: Evidence, variant: Variant) -> Counter[tuple[int, int]]:
    """Return how many sales there are of each pair of units on sale and units sold."""
    return Counter(
        (int(row["stock"]), int(row["sold"])) for row in evidence.summary["sales"][variant.name]
    )


def _draw(
    ax: Axes, dots: Counter[tuple[int, int]], colour: str, *, most: int, reach: float
) -> None:
    ax.plot([0, reach], [0, reach], color=theme.MUTED, linewidth=1, zorder=1)
    ax.fill_between([0, reach], [0, reach], [reach, reach], color=theme.BAND, linewidth=0, zorder=0)
    ax.text(0.04 * reach, 0.93 * reach, "oversold", fontsize=10.5, color=theme.MUTED, va="top")
    stocks, sold = [stock for stock, _ in dots], [units for _, units in dots]
    areas = [LARGEST_DOT_PX**2 * count / most for count in dots.values()]
    ax.scatter(stocks, sold, s=areas, color=colour, linewidth=0, zorder=3)
    ax.set_xlim(0, reach)
    ax.set_ylim(-0.5, reach)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(12, integer=True))
    ax.set_xlabel("units on sale", fontsize=11)


def _in_words(dots: Counter[tuple[int, int]]) -> str:
    whole = sum(count for (stock, sold), count in dots.items() if sold == stock)
    above = sum(count for (stock, sold), count in dots.items() if sold > stock)
    return (
        f"of {number(dots.total())} sales {number(whole)} sold every unit, {number(above)} more "
        "than there were."
    )
