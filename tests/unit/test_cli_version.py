"""Which harness this is, by whatever way it is called."""

import subprocess
import sys
from importlib.metadata import version

from harness.host import git
from tests.support.commands import HARNESS
from tests.support.edits import ROOT


def test_the_version_is_said_with_the_revision_by_the_script_and_by_the_module():
    revision = git.ask(ROOT, "rev-parse", "--short", "HEAD")
    said = f" ({revision})" if revision else ""  # sources may be unpacked without their repository
    for command in ([HARNESS], [sys.executable, "-m", "harness"]):
        done = subprocess.run(
            [*command, "--version"], check=True, capture_output=True, text=True, cwd=ROOT
        )
        assert done.stdout == f"harness {version('flashsale-harness')}{said}\n"
