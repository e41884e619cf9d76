"""What a gate found, told to people and to other tools; a pure function of its result."""

from pathlib import Path

from harness.errors import InfrastructureError
from harness.gate.result import Result
from report.gate.annotations import annotations
from report.gate.document import to_json
from report.gate.exports import bencher, github_action_benchmark, otava
from report.gate.junit import to_xml
from report.gate.summary import append_step_summary, summary

__all__ = ["annotations", "append_step_summary", "publish", "summary"]

EXPORTS = (github_action_benchmark, bencher, otava)


def publish(result: Result, folder: Path) -> list[Path]:
    """Write every file that tells of a gate into its folder, and return them.

    Raises InfrastructureError if one cannot be written.
    """
    contents = {
        "gate.json": to_json(result),
        "junit.xml": to_xml(result),
        "summary.md": summary(result),
        **{f"exports/{export.FILE}": export.render(result) for export in EXPORTS},
    }
    try:
        (folder / "exports").mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            (folder / name).write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InfrastructureError(
            f"cannot write the results of the gate: {error}", "free the disk, or choose --out"
        ) from error
    return [folder / name for name in contents]
