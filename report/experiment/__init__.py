"""The report of an experiment: the answer to its hypothesis first, and the picture that answers.

Below stands the report that the campaign has as a sweep, a comparison or a contention test.
"""

from dataclasses import replace

from report.charts.figures import Section
from report.document import Document, Part
from report.evidence import Evidence
from report.experiment import answer_chart, experiment_table, experiment_words

__all__ = ["answered"]

RULE = (
    "An expectation is supported if all of the 95 % interval lies within what is expected, "
    "contradicted if none of it does, and else not decided. The hypothesis is contradicted if one "
    "expectation is, and supported if all are. Offences are those that the audit counted: none in "
    "so many runs does not mean that there can be none."
)


def answered(document: Document, evidence: Evidence) -> Document:
    """Return the report of a campaign with the answer to its hypothesis before all else."""
    experiment = evidence.summary["experiment"]
    figure = answer_chart.figure(evidence, experiment)
    table = experiment_table.expectations(evidence, experiment)
    asked = f"Hypothesis: {evidence.scenario['hypothesis']}"
    part = Part("hypothesis", "The hypothesis", (asked, table, RULE), "Hypothesis")
    return replace(
        document,
        said=experiment_words.headline(experiment, document.said),
        before=(part, *document.before),
        hero=(figure,),
        picture=replace(figure.pictures[0], name="headline"),
        sections=(*_former_hero(document), *document.sections),
    )


def _former_hero(document: Document) -> tuple[Section, ...]:
    """Return the figures that a comparison has beside its verdict, among the others."""
    if not document.hero:
        return ()
    lead = "Confirmed orders and purchase latency of each variant."
    return (Section("sale-over-time", "The sale over time", lead, document.hero),)
