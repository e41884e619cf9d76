"""The list of what can be reached is that of the contract, and names tests and cases that exist."""

import re

import pytest

from approaches.shop.contract import openapi
from approaches.shop.problems import Code, Problem
from harness.analysis.fault_effects import HARM_KINDS
from harness.scenario.model import load_scenario
from tests.reached import document
from tests.reached.catalogue import APPROACHES, answers, cells, certain
from tests.reached.document import COUNTED, MISSED, SUM, WORST
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
    missed, counted = _written(tmp_path, MISSED, COUNTED)
    assert "`unknown → declined`" in missed
    assert "`unknown`" not in missed
    assert "| `unknown` | 1,234 |" in counted
    assert "| `POST /orders 422 key_reused` | `test_a_key_belongs_to_one_purchase` |" in counted


def test_the_document_sums_up_all_cases_and_names_what_was_found(tmp_path):
    total, worst = _written(tmp_path, SUM, WORST)
    assert "**10 sales, 20 faults: 0 lost" in total
    assert "10 of 10 runs are valid; the audit of 2 of 2 cases is clean" in total
    assert (
        "Of the 3 faults 2 struck with 50 or more orders in flight, each with at least 0." in worst
    )
    assert worst.count("| a hang | 5 | 10 | 41 | 8.2 s | 1.5 s | 1,012 | 0 |") == len(APPROACHES)


@pytest.mark.parametrize(
    ("found", "total", "row"),
    [
        ({"lost": 2}, "4 lost", "| 2 lost |"),
        ({"double_charged": None}, "an unknown number of double charged", "| unknown double"),
        (
            {"unsettled": 1, "recovery_s": None},
            "2 unsettled",
            "| – | 1.5 s | 1,012 | 1 unsettled |",
        ),
        ({"invalid_runs": [3]}, "8 of 10 runs are valid", "| 0 |"),
        ({"verdict": "FAIL"}, "the audit of 0 of 2 cases is clean", "| 0 |"),
    ],
)
def test_no_harm_is_left_out_of_the_document(tmp_path, found, total, row):
    said, worst = _written(tmp_path, SUM, WORST, found)
    assert total in said
    assert row in worst


def _written(folder, first, second, found=None):
    """Write the document of a campaign of one case, and return what stands in two places of it."""
    case = {
        "case": "a hang",
        "n": 5,
        "faults": 10,
        "invalid_runs": [],
        "verdict": "PASS",
        "in_flight_min": 41,
        "recovery_s": 8.2,
        "failing_s": 1.5,
        "failed_requests": 1012,
        **dict.fromkeys((*HARM_KINDS, "unsettled"), 0),
        "reached": [{"kind": "state", "name": "unknown", "count": 1234}],
    } | (found or {})
    page = folder / "page.md"
    page.write_text("\n".join([*SUM, *MISSED, *WORST, *COUNTED, ""]))
    cases = [{"variant": name, **case} for name in APPROACHES]
    document.write({"cases": cases, "faults": [{"in_flight": n} for n in (None, 50, 81)]}, page)
    text = page.read_text()
    return [text.partition(begin)[2].partition(end)[0] for begin, end in (first, second)]
