"""A gate that is killed, several times in its life, leaves nothing, and loses hardly anything."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.results.store import Campaign
from tests.integration.conftest import Cli
from tests.support.edited_repository import write_project
from tests.support.repositories import git

HERE = Path(__file__).parent

SETTINGS = f"""
scenario = "{HERE / "tiny_gate.toml"}"
contention = "{HERE / "tiny_contention.toml"}"

# Whatever the machine is busy with, this is decided after three blocks.
[metrics.http_error_rate_pct]
points = 50
"""
RUNS = 1 + 2 * 3
"""One contention test of head, and three blocks of both sides."""

MOMENTS = (
    "laying out base",  # git is about to make the worktree
    r"run 1/1 sync-head  load",  # of the contention test
    r"run 1/6 sync-\w+  bring up",  # of the comparison
    r"run 3/6 sync-\w+  collect, audit, save",
)
"""What the gate says last before it is killed."""


@dataclass
class Gate:
    """One gate in a repository of its own, from its first start until it ends by itself."""

    cli: Cli
    out: Path
    begun: int = 0
    kept: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def words(self, settings: Path) -> list[object]:
        """How it is started, or continued: it can be as soon as its plan is written."""
        if (self.out / "plan.json").exists():
            return ["gate", "--resume", self.out]
        asked = ["--base", "HEAD~1", "--approach", "sync", "--settings", settings]
        return ["gate", *asked, "--out", self.out]

    def live_until(self, moment: str, settings: Path, former: list[Path]) -> None:
        """Let it live until it says something, see that its former life is gone, and kill it."""
        process = self.cli.start(*self.words(settings))
        said = []
        for line in process.stdout:
            said.append(line)
            self.begun += "bring up" in line
            if re.search(moment, line):
                break
        else:
            raise AssertionError(f"never said {moment}: {''.join(said)}")
        if moment != MOMENTS[0]:
            assert not [path for path in former if path.exists()]
            assert not set(former) & {path.parent for path in self.worktrees()}
        self.remember()
        process.kill()
        process.wait()
        process.stdout.close()

    def remember(self) -> None:
        """Note every file of every finished run, none of which may be written again."""
        for campaign in self.out.glob("*/campaign.json"):
            for folder in Campaign.open(campaign.parent).run_folders():
                files = (path for path in folder.rglob("*") if path.is_file())
                self.kept |= {path: written(path) for path in files if path not in self.kept}

    def folders(self) -> list[Path]:
        """The folders of all that belongs to a running or killed harness."""
        return [path for path in self.cli.scratch.glob("flashsale-*/*") if path.is_dir()]

    def worktrees(self) -> list[Path]:
        """All worktrees of the repository but the first, which is the repository."""
        lines = git(self.cli.root, "worktree", "list", "--porcelain").splitlines()
        found = [Path(line.split(" ", 1)[1]) for line in lines if line.startswith("worktree ")]
        return found[1:]

    def assert_nothing_is_left(self) -> None:
        assert self.cli.left_behind() == []
        assert list(self.cli.scratch.glob("flashsale-*")) == []  # no folder, and no lock
        assert self.worktrees() == []


def written(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_ino, facts.st_mtime_ns


@pytest.mark.integration
@pytest.mark.timeout(600)
@pytest.mark.deploys
def test_a_gate_survives_being_killed_again_and_again(cli: Cli, tmp_path: Path):
    write_project(tmp_path / "project")
    settings = tmp_path / "gate.toml"
    settings.write_text(SETTINGS)
    gate = Gate(replace(cli, root=tmp_path / "project"), tmp_path / "gate")
    former: list[Path] = []
    for number, moment in enumerate(MOMENTS):
        gate.live_until(moment, settings, former)
        former = gate.folders()
        assert former or number == 0  # a killed gate has not tidied up
        if number % 2:
            assert gate.cli.run("clean").returncode == 0
            gate.assert_nothing_is_left()

    done = gate.cli.run(*gate.words(settings))
    assert done.returncode == 0, done.stdout
    gate.assert_nothing_is_left()
    gate.begun += done.stdout.count("bring up")
    assert gate.begun <= RUNS + len(MOMENTS)
    assert len(list(gate.out.glob("*/runs/*"))) == RUNS
    assert gate.kept
    assert {path: written(path) for path in gate.kept} == gate.kept
