"""The mutants follow the sources, stay out of the product, and stand in the document."""

import ast
import shutil
import subprocess
import sys

import pytest

from harness.scenario.model import load_scenario
from tests.mutants import document
from tests.mutants.answers import CONTRACT
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import LOADS, Mutant
from tests.support.edits import ROOT, Edit, StaleEditError, edited, write

CAUGHT_BY = {f"I{number}" for number in range(1, 19) if number != 17} | {CONTRACT}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_every_edit_applies_to_the_sources(mutant: Mutant) -> None:
    texts = edited(mutant.edits)
    assert texts
    for name, text in texts.items():
        assert text != (ROOT / name).read_text()
        if name.endswith(".py"):
            ast.parse(text, name)


@pytest.fixture(scope="module")
def checked_project(tmp_path_factory):
    """A copy of what mypy checks of the approaches, which keeps what it learned of them."""
    project = tmp_path_factory.mktemp("project")
    for name in ("approaches", "harness"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", project)
    return project


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_an_edit_means_what_it_says_in_the_sources_of_today(checked_project, mutant) -> None:
    """A name that has moved would make a worker fail that is meant to do something else."""
    texts = {name: text for name, text in edited(mutant.edits).items() if name.endswith(".py")}
    write(texts, checked_project)
    try:
        checked = subprocess.run(
            [sys.executable, "-m", "mypy", "--no-warn-unreachable", "-p", "approaches"],
            cwd=checked_project,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        write({name: (ROOT / name).read_text("utf-8") for name in texts}, checked_project)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("old", ["not there", "import"])
def test_an_edit_that_does_not_apply_exactly_once_says_so(old: str) -> None:
    edit = Edit("approaches/shop/web.py", old, "")
    with pytest.raises(StaleEditError, match=r"approaches/shop/web\.py: found \d+ times"):
        edit.applied_to((ROOT / edit.file).read_text())


def test_mutants_have_names_of_their_own_and_real_invariants() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 14
    assert {mutant.caught_by for mutant in MUTANTS} == CAUGHT_BY
    assert sum(mutant.short for mutant in MUTANTS) >= 4


@pytest.mark.parametrize("path", sorted(LOADS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_load_is_a_scenario_that_some_mutant_needs(path) -> None:
    assert load_scenario(str(path), ROOT).runs == 1
    assert path.stem in {mutant.load for mutant in MUTANTS}


def test_the_product_cannot_import_a_mutant() -> None:
    for package in ("approaches", "harness", "report", "scenarios"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(), str(path))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not any(name.split(".")[0] == "tests" for name in names), path


def test_the_document_lists_every_mutant_with_its_invariant() -> None:
    expected = {mutant.name: mutant.caught_by for mutant in MUTANTS}
    assert document.listed(document.DOCUMENT.read_text()) == expected
