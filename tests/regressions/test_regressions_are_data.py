"""The regressions follow the sources, and the loads that go with them can be played."""

import ast
import itertools

import pytest

from harness.scenario.model import load_scenario
from tests.regressions import document
from tests.regressions.bench import SHORT, Answer
from tests.regressions.catalogue import FLOOD, REGRESSIONS
from tests.regressions.regression import Regression
from tests.support.edited_repository import write_project
from tests.support.edits import ROOT, edited
from tests.support.repositories import git


@pytest.mark.parametrize("regression", REGRESSIONS, ids=lambda one: one.name)
def test_every_edit_applies_to_the_sources(regression: Regression) -> None:
    for name, text in itertools.chain(
        edited(regression.base).items(), edited(regression.head).items()
    ):
        assert text != (ROOT / name).read_text()
        if name.endswith(".py"):
            ast.parse(text, name)


def test_regressions_have_names_of_their_own_and_something_is_expected_of_each() -> None:
    assert len({one.name for one in REGRESSIONS}) == len(REGRESSIONS)
    assert all(one.expected for one in REGRESSIONS)
    answers = {code for one in REGRESSIONS for code in one.expected}
    assert {int(code) for code in answers} == {0, 10, 20, 40, 50, 64}


@pytest.mark.parametrize("path", [*sorted(SHORT.glob("*.toml")), FLOOD], ids=lambda one: one.stem)
def test_every_load_is_a_scenario(path) -> None:
    assert load_scenario(str(path), ROOT)
    assert path == FLOOD or (ROOT / "scenarios" / path.name).exists()


def test_a_fix_of_base_is_written_as_base_and_head(tmp_path) -> None:
    (fix,) = (one for one in REGRESSIONS if one.name == "base-oversells")
    write_project(tmp_path / "project", fix.head, fix.base, SHORT)
    changed = git(tmp_path / "project", "diff", "--name-only", "HEAD~1").splitlines()
    assert set(changed) == set(edited(fix.base))
    assert git(tmp_path / "project", "status", "--porcelain") == ""
    for name in changed:
        assert (tmp_path / "project" / name).read_text() == (ROOT / name).read_text()


def test_the_table_stands_between_its_marks_and_nothing_else_changes(tmp_path) -> None:
    path = tmp_path / "ci.md"
    path.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    blocks = {"comparison-sync": 3, "confirmation-sync": 5}
    answers = {
        one.name: Answer(one.expected[0], "PASS: a | b\n", 90.0, blocks, 1, ())
        for one in REGRESSIONS
    }
    document.write(REGRESSIONS, answers, path)
    lines = path.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in lines
    (late,) = (line for line in lines if line.startswith("| `sync-latency-20-percent`"))
    assert late.endswith(
        r"| sync | 10 | **10** PASS: a \| b | comparison-sync 3, confirmation-sync 5 | 1.5 |"
    )


def test_of_what_was_not_asked_again_the_row_stays(tmp_path) -> None:
    path = tmp_path / "ci.md"
    path.write_text(f"{document.BEGIN}\nold\n{document.END}\n")
    answers = {one.name: Answer(one.expected[0], "PASS\n", 60.0, {}, 1, ()) for one in REGRESSIONS}
    document.write(REGRESSIONS, answers, path)
    before = path.read_text().splitlines()
    (asked, *_) = REGRESSIONS
    again = Answer(asked.expected[0], "PASS\n", 120.0, {}, 1, ())
    document.write(REGRESSIONS, {asked.name: again}, path)
    after = path.read_text().splitlines()
    (changed,) = set(after) - set(before)
    assert changed.startswith(f"| `{asked.name}`")
    assert changed.endswith("| 2.0 |")
    assert len(after) == len(before)
