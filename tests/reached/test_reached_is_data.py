"""The list of what can be reached is that of the contract, and names tests and cases that exist."""

import re

import pytest

from approaches.shop.contract import openapi
from approaches.shop.problems import Code, Problem
from harness.scenario.model import load_scenario
from tests.reached import document
from tests.reached.catalogue import APPROACHES, answers, cells, certain
from tests.support.edits import ROOT

ACKNOWLEDGES = {"queue": "acceptance", "sync": "outcome"}
TESTS = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_answers_are_those_of_the_contract(approach):
    paths = openapi(ACKNOWLEDGES[approach])["paths"]
    stated = {
        (method.upper(), path, status)
        for path, methods in paths.items()
        for method, operation in methods.items()
        for status in operation["responses"]
    }
    assert {tuple(name.split()[:3]) for name in answers(approach)} == stated


@pytest.mark.parametrize("approach", APPROACHES)
def test_an_answer_has_the_status_of_its_code(approach):
    for name in answers(approach):
        _, _, status, *words = name.split()
        for code in set(words) - {"replayed"}:
            assert Problem(Code(code)).status == int(status), name


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_tests_that_stand_for_a_case_exist(approach):
    found = {
        test
        for path in (*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "tests").glob("contract/*.py"))
        for test in TESTS.findall(path.read_text(encoding="utf-8"))
    }
    assert {test for test in answers(approach).values() if test} <= found


def test_what_the_short_chaos_must_reach_are_cells_of_cases():
    known = {case.name for case in load_scenario("chaos", ROOT).cases}
    for case, by_approach in certain().items():
        assert case in known
        for approach, names in by_approach.items():
            assert set(names) <= {name for _, name in cells(approach)}


def test_the_document_lists_what_nothing_reaches_first_and_counts_the_rest(tmp_path):
    reached = [{"kind": "state", "name": "unknown", "count": 1234}]
    summary = {
        "cases": [{"approach": name, "case": "a hang", "reached": reached} for name in APPROACHES]
    }
    page = tmp_path / "page.md"
    page.write_text("\n".join([*document.MISSED, "between", *document.COUNTED, ""]))
    document.write(summary, page)
    missed, counted = page.read_text().split("between")
    assert "`unknown → declined`" in missed
    assert "`unknown`" not in missed
    assert "| `unknown` | 1,234 |" in counted
    assert "| `POST /orders 422 key_reused` | `test_a_key_belongs_to_one_purchase` |" in counted
