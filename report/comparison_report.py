"""The report of a comparison: variants under the same load, ranked where they may be."""

from typing import Any

from harness.analysis.metric import Listing
from harness.analysis.metrics import listed
from report import claims, conclusion, growth_section, method, numbers, objections
from report.charts import comparison_charts
from report.charts.chart import MOST_TOGETHER
from report.document import Document, Facts, Fold, Part, Stored, closing
from report.evidence import Evidence, Variant
from report.reproduce import RawRun
from report.tables import fault_table, metric_tables

DEFINITIONS = "Definition of every metric"


def compose(evidence: Evidence, raw: tuple[RawRun, ...]) -> Document:
    """Return what the report says; its figures are drawn here."""
    faults = fault_table.parts(evidence)
    hero = comparison_charts.hero(evidence)
    return Document(
        evidence=evidence,
        said=conclusion.headline(evidence),
        key_figures=key_figures(evidence),
        hero=hero,
        picture=comparison_charts.headline(evidence, hero),
        before=_verdict(evidence),
        graphs_lead="Thin lines are runs; a thick line is the median of the runs, or the merged "
        "distribution. Dotted: a run that is invalid or failed its audit. Hatched: excluded from "
        "the ranking. A gap: not measured. Bands are the stages"
        + ("; those with a label between dashed lines are faults." if faults else "."),
        sections=(
            *comparison_charts.sections(evidence),
            *growth_section.sections(evidence),
            *claims.sections(evidence),
        ),
        between=_load(evidence),
        audit_lead="What the client's ledger, the database, Redis and the payment gateway say of "
        "the same runs must agree. What could not be checked is UNKNOWN, never a pass.",
        after=closing(
            evidence,
            "A run whose own numbers contradict each other is INVALID: it is kept and shown, but "
            "it does not enter the estimates.",
            (*claims.parts(evidence), *faults, *growth_section.parts(evidence)),
            method.THREATS,
            Fold(DEFINITIONS, (_definitions(evidence),)),
        ),
        raw=raw,
    )


def _verdict(evidence: Evidence) -> tuple[Part, ...]:
    """Return what comes first: every variant beside the others, and each in detail."""
    lead = (
        "Percentiles pool all runs; the rest are means of the runs; 95 % intervals over the runs. "
        "“–”: not measurable, see the note."
    )
    every_metric = Fold(
        f"All {len(evidence.summary['metrics'])} metrics, by group",
        (metric_tables.comparison(evidence),),
    )
    details = tuple(_details(evidence, variant) for variant in evidence.variants)
    return (
        Part("comparison", "Comparison", (lead, metric_tables.main(evidence), every_metric)),
        Part(
            "objections",
            "Objections, answered",
            (objections.answers(evidence),),
            "Objections",
        ),
        Part("details", "Each variant in detail", details, "In detail"),
    )


def _details(evidence: Evidence, variant: Variant) -> Fold | Stored:
    """Return every metric of a variant, each run; of many variants that is a file for each."""
    title, table = (
        f"{variant.title}: every metric, each run",
        metric_tables.details(evidence, variant),
    )
    if len(evidence.variants) > MOST_TOGETHER:
        return Stored(title, table)
    return Fold(title, (table,), variant.tone)


def _load(evidence: Evidence) -> tuple[Part, ...]:
    """Return what became of the load, in numbers."""
    stages = (metric_tables.stages(evidence), metric_tables.responses(evidence))
    backlog = (metric_tables.backlog(evidence),)
    return (
        Part("funnel", "Order funnel in numbers", (metric_tables.funnel(evidence),), "Funnel"),
        Part("stages", "Stages: planned and achieved users", stages, "Stages"),
        Part("failures", "Failed requests", (metric_tables.failures(evidence),), "Failures"),
        Part("backlog", "Queue depth and processing delay", backlog, "Backlog"),
    )


def _definitions(evidence: Evidence) -> Facts:
    metrics = metric_tables.metrics_in_order(evidence)
    return Facts(
        [(about["title"], about["description"]) for _, about in metrics],
        ids={about["title"]: metric_tables.anchor(metric) for metric, about in metrics},
    )


def key_figures(evidence: Evidence) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """Return the few figures beside the verdict."""
    shown = []
    for metric in listed(Listing.KEY):
        about: dict[str, Any] = evidence.summary["metrics"][metric]
        cells = []
        for variant in evidence.variants:
            estimate = variant.estimate(metric)
            found, digits = numbers.readable(estimate, about["digits"])
            exact = found["low"] == found["high"]
            span = "" if exact else numbers.interval(found["low"], found["high"], digits)
            text = numbers.bare(estimate, about["digits"])
            cells.append((variant.tone, variant.title, text, span))
        shown.append((str(about["title"]), cells))
    return shown
