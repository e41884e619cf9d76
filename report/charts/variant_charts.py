"""Charts over time that show each variant by itself, because its lines are many, or its own.

The figures of all variants have equal axes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from report.charts import plotting, theme
from report.charts.figures import Figure
from report.charts.lines import Curve
from report.charts.over_time import stock_left
from report.charts.time_chart import TimeChart, VariantLines
from report.evidence import Evidence, Run, Variant
from report.numbers import number, short

CORES: Final = "cores_"
"""What the columns of the per-second series begin with that hold the cores of a service."""
_NO_SERVICE: Final = ("cores_approach",)
_LOAD: Final = "cores_load"
WORTH_A_LEVEL: Final = 0.3
"""The share of the machine's cores that must be used for all of them to be on the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantChart(TimeChart):
    """A chart over time with a figure for each variant, whose curves are its `own`."""

    own: Callable[[Evidence, Variant], tuple[Curve, ...]]

    def curves_of(self, evidence: Evidence, variant: Variant) -> tuple[Curve, ...]:
        """Return the curves of a variant."""
        return self.own(evidence, variant)

    def figures(self, evidence: Evidence) -> tuple[Figure, ...]:
        """Return a figure for each variant; the table of values of all is that of the first."""
        thick = self.thick(evidence)
        chart = self.describe(evidence, thick)
        panels = [self.panel(chart, (variant,)) for variant in evidence.variants]
        drawn = plotting.pictures(chart, panels)
        return tuple(
            Figure(
                id=picture.name,
                title=variant.title,
                caption=f"{variant.named}: {self.say(evidence, variant, thick)}.",
                pictures=(picture,),
                interactive=chart.of(variant.title),
                values=self.values(evidence, thick) if variant.position == 0 else None,
            )
            for variant, picture in zip(evidence.variants, drawn, strict=True)
        )


# ---- the sale ----


def _sale(_: Evidence, __: Variant) -> tuple[Curve, ...]:
    return (
        Curve("stock_left", "stock left", dash="longdash"),
        Curve("accepted", "accepted", dash="dashdot"),
        Curve("confirmed", "confirmed", dash="solid"),
    )


def _how_it_went(shown: VariantLines) -> str:
    ends = {name: shown.of(name) for name in ("accepted", "confirmed")}
    said = [f"{short(line.max())} {name}" for name, line in ends.items() if line is not None]
    return ", ".join([*said, stock_left(shown)])


# ---- the processors ----


def services(evidence: Evidence) -> list[str]:
    """Return the services of all variants by how much CPU they used at most, the busiest first."""
    used: dict[str, float] = {}
    for run in evidence.runs:
        for column in _columns(run):
            mean = float(run.seconds[column].mean())
            if math.isfinite(mean):  # it was measured
                used[column] = max(used.get(column, 0.0), mean)
    return sorted(used, key=lambda column: (-used[column], column))


def _columns(run: Run) -> list[str]:
    names = (str(column) for column in run.seconds.columns)
    return [name for name in names if name.startswith(CORES) and name not in (*_NO_SERVICE, _LOAD)]


def _cores(evidence: Evidence, variant: Variant) -> tuple[Curve, ...]:
    """Return the lines of a variant's services, each in one look in the figures of all variants."""
    looks = {column: place for place, column in enumerate(services(evidence))}
    own = [name for name in looks if all(name in run.seconds for run in variant.runs)]
    each = tuple(
        Curve(
            name,
            name.removeprefix(CORES),
            colour=theme.variant_role(looks[name]),
            dash="dashed" if looks[name] >= len(theme.VARIANTS) else "solid",
            marker=theme.variant_marker(looks[name]),
            place=(place, len(own)),
        )
        for place, name in enumerate(own)
    )
    return (*each, Curve(_LOAD, "load generator", colour="muted", dash="dashed"))


def _who_was_busy(shown: VariantLines) -> str:
    runs = [run.seconds for run in shown.variant.counted]
    used = {
        name: sum(float(seconds[name].mean()) for seconds in runs) / len(runs)
        for name in shown.thick
        if shown.of(name) is not None
    }  # of the runs: the median of spikes that come at other moments is less than what was used
    busiest = max(used, key=lambda name: used[name])
    most = shown.thick[busiest]
    load = used.pop(_LOAD, None)
    together = sum(used.values())
    text = f"all services together {number(together, 2)} of {_machine(shown.evidence):g} cores on "
    text += "average"
    if load is not None:
        text += f", the load generator {number(load, 2)}"
    name = "the load generator" if busiest == _LOAD else busiest.removeprefix(CORES)
    return f"{text}; busiest was {name}, at most {number(float(most.max()), 2)}"


def _machine(evidence: Evidence) -> float:
    """Return the cores that the machine let be used."""
    records = [run.record for run in evidence.runs]
    return max(float(record.cores_allowed or record.cores or 1) for record in records)


def _all_cores(evidence: Evidence) -> tuple[tuple[float, str], ...]:
    cores = _machine(evidence)
    columns = services(evidence)
    most = max(
        (float(run.seconds[name].max()) for run in evidence.runs for name in columns
         if name in run.seconds),
        default=0.0,
    )  # fmt: skip
    return ((cores, f"all {cores:g} cores"),) if most >= WORTH_A_LEVEL * cores else ()


SALE: Final = VariantChart(
    id="sale",
    title="The sale over time",
    lead="Units left for sale, orders accepted and orders confirmed, by the ledger; the bands are "
    "the stages of the load. The gap between accepted and confirmed is what is open or declined; a "
    "declined payment gives its unit back.",
    unit="units and orders",
    own=_sale,
    caption=_how_it_went,
)
CPU: Final = VariantChart(
    id="cpu",
    title="CPU over time, per service",
    lead="How many cores each service kept busy, all its replicas together: medians of the runs. "
    "The load generator has to come from the same machine, and the payment gateway belongs to no "
    "variant.",
    unit="cores",
    own=_cores,
    caption=_who_was_busy,
    levels=_all_cores,
    with_runs=False,
    whole=False,
    points=64,
)
