"""The report of a campaign: a pure function of its folder.

`build` reads campaign.json, summary.json and runs/, and writes report/; it can be deleted and built
again to the same bytes. Nothing here measures or estimates: the numbers are those of summary.json.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import InfrastructureError
from harness.store import Campaign
from report import (
    cases,
    charts,
    contest,
    distributions,
    effects,
    funnel,
    judgements,
    markdown,
    page,
    responses,
    tables,
    theme,
)
from report.charts import Chart, Section
from report.evidence import Evidence, read
from report.tables import Table

__all__ = ["build"]


def build(campaign_dir: Path) -> Path:
    """Write the report of a stored campaign and return its page.

    Raises UsageError if the campaign cannot be read, InfrastructureError if report/ cannot be
    written. A report that was there is replaced as a whole.
    """
    if Campaign.open(campaign_dir).description()["scenario"].get("contest"):
        return _write(campaign_dir, *contest.compose(campaign_dir))
    evidence = read(campaign_dir)
    if evidence.summary.get("cases"):
        return _write(campaign_dir, *cases.compose(evidence))
    contents = _tables(evidence)
    with theme.style():
        hero = _hero(evidence)
        sections = _sections(evidence)
        picture = distributions.headline(evidence)
    drawn = [picture, *hero, *(chart for section in sections for chart in section.charts)]
    texts = {
        "index.html": page.render(evidence, contents, hero, sections),
        "report.md": markdown.render(evidence, contents, picture, sections),
        **{f"tables/{name}.csv": tables.to_csv(table) for name, table in contents.items()},
        **{f"figures/{chart.name}.svg": theme.standalone(chart.svg) for chart in drawn},
    }
    return _write(campaign_dir, texts, drawn)


def _hero(evidence: Evidence) -> tuple[Chart, ...]:
    """Return the two figures that stand beside the verdict, with all approaches in each."""
    kinds = (charts.CONFIRMED, charts.PURCHASE)
    return tuple(next(charts.time_charts(kind, evidence)) for kind in kinds)


def _sections(evidence: Evidence) -> tuple[Section, ...]:
    drawn = [
        Section(kind.id, kind.title, kind.lead, tuple(charts.time_charts(kind, evidence)))
        for kind in charts.TIME_KINDS
    ]
    drawn[2:2] = [
        Section(
            kind.id, kind.title, kind.lead, tuple(distributions.distribution_charts(kind, evidence))
        )
        for kind in distributions.KINDS
    ]
    lead = "Of all attempts to buy, how many came how far; each step is read from another store."
    orders = tuple(funnel.funnel_charts(evidence))
    return (*drawn, Section("funnel", "Order funnel", lead, orders))


def _tables(evidence: Evidence) -> dict[str, Table]:
    found = [
        *tables.comparisons(evidence),
        *(tables.details(evidence, approach) for approach in evidence.approaches),
        tables.funnel(evidence),
        tables.stages(evidence),
        responses.table(evidence),
        tables.backlog(evidence),
        effects.table(evidence),
        judgements.audit(evidence),
        judgements.audit_runs(evidence),
        judgements.runs(evidence),
        judgements.laws(evidence),
        tables.beside_published(evidence),
    ]
    return {table.name: table for table in found if table is not None}


def _write(campaign_dir: Path, texts: Mapping[str, str], drawn: Sequence[Chart]) -> Path:
    """Write everything to a hidden folder and put it in the place of the old report."""
    final = campaign_dir / "report"
    draft = campaign_dir / f".report.{os.getpid()}"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        for folder in ("figures", "tables"):
            (draft / folder).mkdir(parents=True)
        for name, text in texts.items():
            (draft / name).write_text(text, encoding="utf-8", newline="\n")
        for chart in drawn:
            (draft / "figures" / f"{chart.name}.png").write_bytes(chart.png)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(draft, final)
    except OSError as error:
        raise InfrastructureError(
            f"cannot write the report to {final}: {error.strerror}",
            "make the folder writable, then rebuild it with `harness report`",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return final / "index.html"
