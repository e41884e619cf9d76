"""The report of a campaign: a pure function of its folder.

`build` reads campaign.json, summary.json and runs/, and writes report/; it can be deleted and built
again to the same bytes. Nothing here measures or estimates: the numbers are those of summary.json.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InfrastructureError
from harness.results.store import encoded
from report import cases, comparison_report, contention, experiment, reproduce, sweep
from report.charts import theme
from report.charts.figures import Picture
from report.conclusion import Headline
from report.document import Document
from report.evidence import Evidence, read
from report.page import markdown, web_page
from report.page.live_page import live_page
from report.reproduce import RawRun
from report.tables import cells

__all__ = ["Written", "build", "live_page", "write"]


@dataclass(frozen=True, slots=True)
class Written:
    """A report that was written: its page, and its first words."""

    page: Path
    said: Headline


def build(campaign_dir: Path) -> Path:
    """Write the report of a stored campaign as `write` does, and return its page."""
    return write(campaign_dir).page


def write(campaign_dir: Path, *, raw_is_kept: bool = True) -> Written:
    """Write the report of a stored campaign; it leads to the raw data if that is kept beside it.

    Raises UsageError if the campaign cannot be read, InfrastructureError if report/ cannot be
    written. A report that was there is replaced as a whole.
    """
    with theme.style():
        document = _compose(campaign_dir, reproduce.raw(campaign_dir) if raw_is_kept else ())
        drawings = {
            f"figures/{picture.name}.svg": theme.standalone(picture.svg, source)
            for picture, source in document.sources
        }
    texts = {
        "index.html": web_page.render(document),
        "report.md": markdown.render(document),
        **{f"tables/{name}.csv": cells.to_csv(table) for name, table in document.tables.items()},
        **drawings,
    }
    return Written(_write(campaign_dir, texts, document.pictures), document.said)


def _compose(campaign_dir: Path, raw: tuple[RawRun, ...]) -> Document:
    """Return what the report of a campaign says; that of an experiment begins with its answer."""
    evidence = read(campaign_dir)
    if "capacity" in evidence.campaign:
        from report import capacity  # noqa: PLC0415 - all that measures comes with it

        return capacity.compose(evidence, raw, campaign_dir)
    document = _compose_kind(evidence, raw)
    return (
        experiment.answered(document, evidence) if evidence.summary.get("experiment") else document
    )


def _compose_kind(evidence: Evidence, raw: tuple[RawRun, ...]) -> Document:
    """Return what a report says by the kind of its campaign."""
    if evidence.summary.get("contention"):
        return contention.compose(evidence, raw)
    if evidence.summary.get("cases"):
        return cases.compose(evidence, raw)
    if (evidence.summary.get("sweep") or {}).get("curves"):
        return sweep.compose(evidence, raw)
    return comparison_report.compose(evidence, raw)


def _write(campaign_dir: Path, texts: Mapping[str, str], drawn: Sequence[Picture]) -> Path:
    """Write everything to a hidden folder and put it in the place of the old report."""
    final = campaign_dir / "report"
    draft = campaign_dir / f".report.{os.getpid()}"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        for folder in ("figures", "tables"):
            (draft / folder).mkdir(parents=True)
        for name, text in texts.items():
            (draft / name).write_bytes(encoded(text))
        for picture in drawn:
            if picture.png:
                (draft / "figures" / f"{picture.name}.png").write_bytes(picture.png)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(draft, final)
    except OSError as error:
        raise InfrastructureError(
            f"cannot write the report to {final}: {error.strerror or error}",
            "free some space there or make the folder writable, then rebuild the report with "
            f"`harness report {campaign_dir}`",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return final / "index.html"
