"""Runs the public command as a user would, and looks for what it left behind."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.support.commands import HARNESS, run_to_its_end
from tests.support.fake_harness import FakeHarness
from tests.support.shop_world import dsn, place, postgres, resumed, valkey, world

# Here, so that a worker of pytest starts one PostgreSQL and one Valkey for the tests of both shops.
__all__ = ["ROOT", "Cli", "dsn", "place", "postgres", "resumed", "valkey", "world"]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cli:
    """The command line, with a temporary folder of its own to leave things in."""

    scratch: Path
    root: Path = ROOT
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "TMPDIR": str(self.scratch), "COLUMNS": "200"}

    def run(self, *words: object, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        return run_to_its_end(
            [HARNESS, *map(str, words)],
            timeout_s,
            cwd=self.root,
            env=self.environment(),
            stderr=subprocess.PIPE,
        )

    def start(self, *words: object, within: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start the harness, by the command `within` if there is one, such as `ip netns exec`."""
        process = subprocess.Popen(
            [*within, HARNESS, *map(str, words)],
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def stop_started(self) -> None:
        """End what a test that failed in the middle left running, if need be by force."""
        for process in self.started:
            if process.poll() is None:
                process.terminate()
            if process.stdout.closed:
                continue
            try:
                process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self.run("clean")
                raise

    def left_behind(self) -> list[str]:
        """Every process that works in the scratch folder, and every deployment folder in it."""
        found = [str(path) for path in self.scratch.glob("flashsale-*/*/owner.json")]
        for process in psutil.process_iter():
            try:
                marked = self.environment()["TMPDIR"] in " ".join(process.environ().values())
                if marked and "FLASHSALE_DEPLOYMENT" in process.environ():
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return found


@pytest.fixture
def cli(request):
    # a short path: PostgreSQL's socket must fit into 107 bytes
    with tempfile.TemporaryDirectory(prefix="fs-", ignore_cleanup_errors=True) as scratch:
        os.chmod(scratch, 0o755)
        command = Cli(Path(scratch))
        yield command
        command.stop_started()
        assert command.left_behind() == []


@pytest.fixture
def harness(tmp_path):
    """The command line on the fake runtime."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = FakeHarness(scratch)
    yield command
    command.stop_started()
