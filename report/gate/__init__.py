"""What a gate found, for people and for other tools; a pure function of its result."""

from pathlib import Path

from harness.gate.result import Result
from harness.results.store import write_text
from report.gate.annotations import annotations
from report.gate.exports import bencher, github_action_benchmark, otava
from report.gate.gate_json import to_json
from report.gate.junit import to_xml
from report.gate.step_summary import append_step_summary, summary

__all__ = ["annotations", "append_step_summary", "publish", "summary"]

EXPORTS = (github_action_benchmark, bencher, otava)


def publish(result: Result, folder: Path) -> list[Path]:
    """Write every file about a gate into its folder, and return them.

    Raises UsageError if one cannot be written, InfrastructureError if there is no space left.
    """
    contents = {
        "gate.json": to_json(result),
        "junit.xml": to_xml(result),
        "summary.md": summary(result),
        **{f"exports/{export.FILE}": export.render(result) for export in EXPORTS},
    }
    return [write_text(folder / name, text) for name, text in contents.items()]
