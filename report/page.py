"""The report as one HTML file that needs nothing else: no script, no font, no other host."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from report import effects, facts, judgements, numbers, theme, words
from report.charts import Chart, Section
from report.claims import Claims
from report.evidence import Evidence
from report.tables import Table, metrics_in_order

_HERE = Path(__file__).parent
KEY_METRICS = (
    "confirmed_orders",
    "order_time_p95_s",
    "purchase_latency_p95_ms",
    "http_error_rate_pct",
)


def render(
    evidence: Evidence, tables: Mapping[str, Table], hero: Sequence[Chart],
    sections: Sequence[Section], claims: Claims,
) -> str:  # fmt: skip
    """Return the page; every text is escaped but the figures, which this package drew."""
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            evidence=evidence,
            said=words.headline(evidence),
            tables=tables,
            hero=hero,
            sections={section.id: section for section in sections},
            key_figures=_key_figures(evidence),
            offences=judgements.offences(evidence),
            method=facts.method(evidence),
            threats=facts.THREATS,
            definitions=[(m["title"], m["description"]) for _, m in metrics_in_order(evidence)],
            warnings=evidence.summary["warnings"],
            faults_lead=effects.LEAD,
            claims=claims,
        )
    )


def environment() -> jinja2.Environment:
    """Return what every page is rendered with: its parts, its style, both its themes."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["drawn"] = lambda chart: Markup(chart.svg)  # noqa: S704
    made.globals |= {
        "style": Markup((_HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704
        "light": Markup(theme.variables(theme.LIGHT)),  # noqa: S704
        "dark": Markup(theme.variables(theme.DARK)),  # noqa: S704
    }
    return made


def _key_figures(evidence: Evidence) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """Return the few figures beside the verdict: by metric, of each approach its tone, title,
    value and interval."""
    shown = []
    for metric in KEY_METRICS:
        about = evidence.summary["metrics"][metric]
        cells = []
        for approach in evidence.approaches:
            estimate = approach.facts["metrics"][metric]
            digits = numbers.fitting(estimate["value"], about["digits"], about["unit"])
            bare = {**estimate, "low": None} if estimate["value"] is not None else estimate
            span = numbers.interval(estimate["low"], estimate["high"], digits)
            text = numbers.estimate(bare, about["digits"])
            cells.append((approach.tone, approach.title, text, span))
        shown.append((str(about["title"]), cells))
    return shown
