"""The figures of docs/performance.md are those of the results, and every goal has one."""

import json
import tomllib
from pathlib import Path

import pytest

from benchmarks.attained import ATTAINED, DASH, figure
from benchmarks.document import DOCUMENT, FLAMES, GOALS, SUBJECTS, document, read_results
from benchmarks.measuring import RESULTS, Plan, Results

ROOT = Path(__file__).parents[2]


def _goals() -> list[dict]:
    return tomllib.loads(GOALS.read_text("utf-8"))["goal"]


def test_the_document_is_what_the_results_say() -> None:
    assert DOCUMENT.read_text("utf-8") == document(read_results()), (
        "python -m benchmarks.document writes it anew"
    )


def test_every_goal_has_a_figure_and_a_subject() -> None:
    assert [goal["id"] for goal in _goals()] == list(ATTAINED)
    assert {goal["subject"] for goal in _goals()} <= set(SUBJECTS)


def test_what_was_not_measured_is_a_dash() -> None:
    for name, attained in ATTAINED.items():
        assert set(attained({})) == {DASH}, name


def test_a_change_of_a_result_changes_the_document() -> None:
    machine = {"git": None, "cores": 2, "cpu_model": "any", "python": "3.11"}
    facts = {"machine": machine, "command": "any", "began_at": "2026-01-01", "repeats": 3}
    found = {"sale": {**facts, "medians": {"queue": {"purchase_p95_ms": 123.0}}}}
    assert "123 ms" in document(found)
    assert "123 ms" not in document({})


def test_figures_that_are_not_final_are_not_published(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.document.RESULTS", tmp_path)
    for name, final in (("sale", False), ("start", True)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"final": final}))
    assert list(read_results()) == ["start"]


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (0.07949, "0.0795"), (4.25, "4.25"), (12345.6, "12,346")]
)
def test_figures_have_three_digits(value: float | None, shown: str) -> None:
    assert figure(value) == shown


def test_results_name_their_command_and_keep_every_sample(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("benchmarks.measuring.RESULTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["accept", "--short"])
    results = Results(Plan("accept", repeats=3, short=True, final=False), {"users": 1})
    for speed in (1.0, 9.0, 2.0):
        results.add("raw", requests_per_s=speed, why="n" * 3, is_valid=True, missing=None)
    written = json.loads((tmp_path / "accept.json").read_text("utf-8"))
    assert written["command"] == "python -m benchmarks.accept --short"
    assert [sample["requests_per_s"] for sample in written["samples"]] == [1.0, 9.0, 2.0]
    assert written["medians"] == {"raw": {"requests_per_s": 2.0}}
    assert capsys.readouterr().out.count("raw") == 3


def test_results_and_graphs_do_not_say_where_the_checkout_lies() -> None:
    for file in (*RESULTS.glob("*.json"), *FLAMES.glob("*.svg")):
        assert f"{ROOT}/" not in file.read_text("utf-8"), file
