"""Puts a regression into a git repository of its own, and asks the gate with the public command."""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import ExitCode
from harness.gate.result import CONTENTION
from harness.results.store import Campaign, read_json
from tests.regressions.regression import Regression
from tests.support.commands import HARNESS, run_to_its_end
from tests.support.edited_repository import write_project
from tests.support.repositories import git

SHORT = Path(__file__).parent / "short"
GATE_LIMIT_S = 2400


@dataclass(frozen=True)
class Answer:
    """What the gate answered, what it took, and what it left.

    `blocks` are those of each comparison and confirmation, by its campaign.
    """

    exit_code: ExitCode
    output: str
    seconds: float
    blocks: Mapping[str, int]
    worktrees: int
    left: tuple[Path, ...]

    @property
    def statement(self) -> str:
        """The verdict and its reason: what is said of it in the last line but the hint."""
        lines = [line for line in self.output.splitlines() if line and "hint:" not in line]
        return lines[-1]


@dataclass
class Bench:
    """Asks the gate of one regression after the other below a folder, and remembers its answers."""

    folder: Path
    answers: dict[str, Answer] = field(default_factory=dict)

    def answer(self, regression: Regression, *, short: bool) -> Answer:
        """Ask the gate; `short`: with scenarios of a few seconds instead of the project's own."""
        project = self.folder / f"{regression.name}{'-short' if short else ''}"
        write_project(project, regression.head, regression.base, SHORT if short else None)
        words = ["gate", "--base", regression.revision, "--out", str(project / "results" / "gate")]
        words += ["--approach", regression.approach] if regression.approach else []
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        temporary.chmod(0o711)
        begun_s = time.monotonic()
        done = run_to_its_end(
            [HARNESS, *words],
            GATE_LIMIT_S,
            cwd=project,
            env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "200"},
            stderr=subprocess.STDOUT,
        )
        answer = Answer(
            ExitCode(done.returncode),
            done.stdout.replace(str(project), "."),  # the table names no folder of a machine
            time.monotonic() - begun_s,
            _blocks(project / "results" / "gate"),
            git(project, "worktree", "list", "--porcelain").count("worktree "),
            tuple(temporary.iterdir()),
        )
        if not short:
            self.answers[regression.name] = answer
        return answer


def _blocks(out: Path) -> dict[str, int]:
    """Return how many blocks the gate measured, and how many to confirm a failure."""
    if not (out / "gate.json").exists():
        return {}
    made = {}
    for name in read_json(out / "gate.json")["campaigns"]:
        if name != CONTENTION:
            folders = Campaign.open(out / name).run_folders()
            made[name] = len({read_json(folder / "run.json")["block"] for folder in folders})
    return made
