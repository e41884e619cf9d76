"""The real command line on the fake runtime, as a process of its own that is forked, not started.

A fork has imported everything already, so a command costs what it does and no more; it can be
interrupted, ended and killed like any other.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import report
from approaches.shop.supervisor import die_with
from harness import cli
from report.conclusion import Headline
from tests.support.fake_runtime import Change, Happens, World, alike, nothing, put_in_place

ROOT = Path(__file__).parents[2]
FAKE = ROOT / "tests" / "support" / "fake.toml"
LIMIT_S = 60.0
UNSAID = Headline("No report was written", (), ())
"""The first words of a report that nobody reads."""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        return self.stdout + self.stderr


@dataclass
class FakeHarness:
    """Runs `harness` on fakes, with a temporary folder in which its lock lies."""

    scratch: Path
    root: Path = ROOT
    reports: bool = False
    encoding: str = "utf-8"
    started: list["Running"] = field(default_factory=list)

    def run(self, *words: object, happens: Happens = nothing, changes: Change = alike) -> Done:
        """Run a command to its end."""
        return self.start(*words, happens=happens, changes=changes).wait()

    def start(
        self, *words: object, happens: Happens = nothing, changes: Change = alike
    ) -> "Running":
        """Fork a command; in it, `happens` is told of every step, and `changes` edits each run."""
        number = len(list(self.scratch.glob("*.out")))
        out, err = (self.scratch / f"{number:03d}.{name}" for name in ("out", "err"))
        out.touch()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            die_with(parent)
            self._be_the_harness([str(word) for word in words], out, err, World(happens, changes))
        self.started.append(Running(pid, out, err, self.encoding))
        return self.started[-1]

    def stop_started(self) -> None:
        """End what a test that failed in the middle left running."""
        for one in self.started:
            if not one.ended:
                one.send(signal.SIGKILL)
                one.wait()

    def _opened(self, number: int) -> TextIO:
        return os.fdopen(number, "w", buffering=1, encoding=self.encoding, closefd=False)

    def _be_the_harness(self, words: list[str], out: Path, err: Path, world: World) -> None:
        code: object = 1
        try:
            for number, path in ((1, out), (2, err)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
            sys.stdout = self._opened(1)
            sys.stderr = self._opened(2)
            # the tests may run where these are ignored: in the background, or by nohup
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, 0)
            os.environ["COLUMNS"] = "200"
            tempfile.tempdir = str(self.scratch)
            os.chdir(self.root)
            sys.argv = ["harness", *words]
            put_in_place(world)
            if not self.reports:
                report.build = lambda path: path / "report" / "index.html"
                report.write = lambda path: report.Written(report.build(path), UNSAID)
            cli.main()
        except SystemExit as ended:
            code = ended.code
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 1)


@dataclass
class Running:
    """A command that goes on."""

    pid: int
    _out: Path
    _err: Path
    _encoding: str = "utf-8"
    ended: bool = False

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < deadline_s, f"it did not come: {self._out.read_text()}"
            time.sleep(0.01)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self) -> Done:
        _, status = os.waitpid(self.pid, 0)
        self.ended = True
        said = [
            path.read_text(encoding=self._encoding) if path.exists() else ""
            for path in (self._out, self._err)
        ]
        return Done(os.waitstatus_to_exitcode(status), *said)


def at(step: str, act: Callable[[], None], nth: int = 1) -> Happens:
    """Return what acts when a step comes for the n-th time."""
    left = [nth]

    def happens(came: str) -> None:
        left[0] -= came == step
        if came == step and left[0] == 0:
            act()

    return happens


def be_killed() -> None:
    """End this process as a kernel that is out of memory would."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop_at(mark: Path) -> Callable[[], None]:
    """Return what leaves a mark and then waits for a signal."""

    def act() -> None:
        mark.touch()
        while True:
            signal.pause()

    return act
