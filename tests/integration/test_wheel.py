"""The wheel measures from an empty folder, whoever calls it, wherever the folder is."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.results.store import read_json
from tests.support.commands import run_to_its_end

pytestmark = [pytest.mark.integration, pytest.mark.deploys, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
NOBODY = 65534
OF_THE_SYSTEM = Path("/usr/bin/python3")
"""A Python that every user may run; the one of the tests may lie in somebody's home."""


@pytest.fixture(scope="module")
def place():
    """A folder that everybody may enter; short: PostgreSQL's socket must fit into 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="fs-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def wheel(place):
    """Built from the source distribution, so that is whole, too."""
    subprocess.run([UV, "build", "--quiet", "--out-dir", place / "dist", ROOT], check=True)
    (built,) = (place / "dist").glob("*.whl")
    return built


def is_new_enough(python: Path) -> bool:
    asked = "import sys; sys.exit(sys.version_info < (3, 11))"
    return python.exists() and subprocess.run([python, "-c", asked], check=False).returncode == 0


@pytest.fixture(scope="module", params=["oneself", "an ordinary user"])
def installed(request, wheel, place):
    """The wheel in an environment of its own: its command, and who is to call it."""
    account, python = None, Path(sys.executable)
    if request.param != "oneself":
        if os.getuid() != 0 or not is_new_enough(OF_THE_SYSTEM):
            pytest.skip("needs root, and a Python >= 3.11 that everybody may run")
        account, python = NOBODY, OF_THE_SYSTEM
    folder = place / f"installed-{account}"
    subprocess.run([UV, "venv", "--quiet", "--python", python, folder], check=True)
    to = folder / "bin" / "python"
    words = ["--quiet", "--compile-bytecode", "--python", to, wheel]  # it cannot write there later
    subprocess.run([UV, "pip", "install", *words], check=True)
    return folder / "bin" / "harness", account


@pytest.fixture
def anywhere(installed):
    """Call the installed harness in a folder that has nothing but what a test writes there."""
    command, account = installed
    inherited = {key: text for key, text in os.environ.items() if key != "PYTHONPATH"}
    with tempfile.TemporaryDirectory(prefix="fs-") as made:
        folder, temporary = Path(made) / "empty é", Path(made) / "tmp"
        for one in (folder, temporary):
            one.mkdir()
            if account is not None:
                os.chown(one, account, account)
        os.chmod(made, 0o755)
        own = {"HOME": str(folder), "TMPDIR": str(temporary), "COLUMNS": "200"}
        own["FLASHSALE_LOCK"] = str(temporary / "lock")

        def call(*words: object) -> subprocess.CompletedProcess[str]:
            return run_to_its_end(
                [command, *map(str, words)],
                300,
                cwd=folder,
                env={**inherited, **own},
                stderr=subprocess.STDOUT,
                user=account,
                group=account,
                extra_groups=None if account is None else [],
            )

        yield folder, call
        assert list(temporary.iterdir()) == []


def test_an_installed_harness_measures_from_an_empty_folder(anywhere):
    folder, call = anywhere
    listed = call("list")
    assert listed.returncode == 0, listed.stdout
    assert {"quick", "queue", "sync", "skiplocked", "celery"} <= set(listed.stdout.split())
    assert list(folder.iterdir()) == []

    (folder / "scenarios").mkdir()  # what is here comes first
    shutil.copy(Path(__file__).with_name("tiny.toml"), folder / "scenarios" / "quick.toml")
    done = call("run", "quick", "--approach", "sync", "--out", "results/one")
    assert done.returncode == 0, done.stdout
    assert (folder / "results" / "one" / "report" / "index.html").exists()
    stored = read_json(folder / "results" / "one" / "campaign.json")
    assert stored["scenario"]["title"] == "Tiny sale"
    assert stored["environment"]["git"] is None


def test_what_it_brings_along_can_be_taken_out_and_changed(anywhere):
    folder, call = anywhere
    done = call("init")
    assert done.returncode == 0, done.stdout
    compose = folder / "docker-compose.sync.yml"
    compose.write_text(compose.read_text("utf-8").replace("title: Synchronous", "title: Changed"))
    assert "Changed" in call("list").stdout
    again = call("init")
    assert again.returncode == 64
    assert "is there already" in again.stdout
    assert "Changed" in compose.read_text("utf-8")
