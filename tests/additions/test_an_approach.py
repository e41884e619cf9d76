"""An approach is added by a compose file and a folder."""

import json

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

LINT = """
import sys
from importlinter.cli import lint_imports
sys.exit(lint_imports(no_cache=True))
"""


def test_an_approach_is_a_compose_file_and_a_folder(copy):
    compose = (copy.folder / "docker-compose.sync.yml").read_text("utf-8")
    compose = compose.replace("title: Synchronous", "title: Third")
    assert "approaches.sync" in compose
    copy.add("docker-compose.third.yml", compose.replace("approaches.sync", "approaches.third"))
    copy.add("approaches/third/__init__.py", '"""A shop of its own."""\n')
    main = (copy.folder / "approaches/sync/__main__.py").read_text("utf-8")
    copy.add("approaches/third/__main__.py", main.replace("approaches.sync", "approaches.third"))
    listed = copy.harness("list")
    assert "third" in listed.stdout
    code, out, said = copy.measured(copy.scenario(), "--approach", "third", "--approach", "sync")
    assert code == 0, said
    stored = [json.loads(path.read_text("utf-8")) for path in (out / "runs").glob("*/run.json")]
    assert {run["approach"] for run in stored} == {"sync", "third"}
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert {variant["title"] for variant in summary["variants"]} == {"Synchronous", "Third"}
    assert copy.touched == {
        "docker-compose.third.yml",
        "approaches/third/__init__.py",
        "approaches/third/__main__.py",
    }


def test_the_linters_know_an_approach_by_its_folder(copy):
    copy.add("approaches/third/__init__.py", '"""A shop of its own."""\n')
    copy.add("approaches/third/queue.py", "import approaches.sync.checkout  # noqa\n")
    linted = copy.python(LINT)
    assert linted.returncode != 0
    assert "approaches.third" in linted.stdout
