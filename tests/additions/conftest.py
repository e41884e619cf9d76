"""A copy of the project to which one thing is added: what was touched, and whether it works."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("approaches", "harness", "report", "scenarios", "tests/support")
ON_FAKES = """
import sys
from harness import cli
from tests.support.fake_runtime import World, put_in_place
put_in_place(World())
cli.main()
"""
"""The real command line, in whose campaigns nothing is deployed."""
WITHOUT_REPORT = f"""
import report
from report.conclusion import Headline
report.write = lambda folder: report.Written(folder, Headline("", (), ()))
{ON_FAKES}"""
LIMIT_S = 600


@dataclass
class Copy:
    """A copy of the project's sources."""

    folder: Path
    touched: set[str] = field(default_factory=set)

    def add(self, path: str, text: str) -> None:
        """Add a file to the product."""
        file = self.folder / path
        assert not file.exists()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.touched.add(path)

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text that a file of the product has once."""
        file = self.folder / path
        text = file.read_text("utf-8")
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new), encoding="utf-8")
        self.touched.add(path)

    def scenario(self, tail: str = "", **replaced: str) -> Path:
        """Write a scenario: that which the fakes play, with a tail, and with keys replaced."""
        text = (ROOT / "tests/support/fake.toml").read_text("utf-8")
        for old, new in replaced.items():
            assert text.count(f"\n{old} = ") == 1
            text = text.replace(f"\n{old} = ", f"\n{new}\n{old} = ")
        file = self.folder / "own.toml"
        file.write_text(text + tail, encoding="utf-8")
        return file

    def python(self, script: str, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a script in which the copy is what is imported."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "TMPDIR": str(self.folder.parent),
            "FLASHSALE_LOCK": str(self.folder.parent / "lock"),  # these measure nothing
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "200",
        }
        return subprocess.run(
            [sys.executable, "-c", script, *map(str, words)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def harness(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run `harness` of the copy; its campaigns deploy nothing."""
        return self.python(ON_FAKES, *words)

    def campaign(self, scenario: Path, *words: object) -> tuple[int, Path, str]:
        """Measure and report; return the exit code, the folder of results, and what was said."""
        out = self.folder / "results" / "own"
        done = self.harness("run", scenario, "--out", out, *words)
        return done.returncode, out, done.stdout + done.stderr

    def measured(self, scenario: Path, *words: object) -> tuple[int, Path, str]:
        """Measure without a report, which takes most of the time; return as `campaign` does."""
        out = self.folder / "results" / "own"
        done = self.python(WITHOUT_REPORT, "run", scenario, "--out", out, *words)
        return done.returncode, out, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path):
    folder = tmp_path / "project"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for file in (*ROOT.glob("docker-compose.*.yml"), ROOT / ".env", ROOT / "pyproject.toml"):
        shutil.copy(file, folder)
    return Copy(folder)
