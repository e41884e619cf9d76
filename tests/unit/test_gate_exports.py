"""The exports, each by the documented format of the tool that reads it."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from report.gate import EXPORTS
from report.gate.exports import bencher, bounds, github_action_benchmark, otava
from tests.support.gate_results import (
    AGAINST_BASELINE,
    EACH,
    ERRORS,
    INCORRECT,
    INVALID,
    LATENCY,
    NOT_COMPARABLE,
    PASSING,
    THROUGHPUT,
    UNMEASURABLE,
    UNMEASURED,
)

# The README of github-action-benchmark: name, unit and value; range and extra, both optional texts.
CUSTOM_SMALLER_IS_BETTER = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "unit", "value"],
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "unit": {"type": "string"},
            "value": {"type": "number"},
            "range": {"type": "string"},
            "extra": {"type": "string"},
        },
    },
}
# bencher.dev/docs/reference/bencher-metric-format, with the lengths that its text states.
METRIC = {
    "type": "object",
    "additionalProperties": False,
    "required": ["value"],
    "properties": {name: {"type": "number"} for name in ("value", "lower_value", "upper_value")},
}
BENCHER_METRIC_FORMAT = {
    "type": "object",
    "propertyNames": {"minLength": 1, "maxLength": 1024},
    "additionalProperties": {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 64},
        "additionalProperties": METRIC,
    },
}
DOCS = Path(__file__).parents[2] / "docs" / "gate-results.md"


def valid(schema, text):
    content = json.loads(text)
    jsonschema_rs.validator_for(schema).validate(content)
    return content


def as_otava_reads(text):
    """Read a history as otava/importer.py does: every metric of every row is a number."""
    header, *rows = csv.reader(io.StringIO(text))
    known = {otava.TIME, *otava.ATTRIBUTES}
    assert header[: len(known)] == [otava.TIME, *otava.ATTRIBUTES]
    assert "branch" not in header
    assert len(set(header)) == len(header)
    found = []
    for row in rows:
        assert len(row) >= len(header)
        cells = dict(zip(header, row, strict=True))
        moment = datetime.fromisoformat(cells[otava.TIME])
        found.append((moment, {k: v if k in known else float(v) for k, v in cells.items()}))
    return found


@pytest.mark.parametrize("result", EACH.values(), ids=EACH)
def test_every_result_is_in_the_format_of_each_tool(result):
    valid(CUSTOM_SMALLER_IS_BETTER, github_action_benchmark.render(result))
    valid(BENCHER_METRIC_FORMAT, bencher.render(result))
    as_otava_reads(otava.render(result))


def test_github_action_benchmark():
    first, second = valid(CUSTOM_SMALLER_IS_BETTER, github_action_benchmark.render(PASSING))
    assert first["name"] == "queue/purchase_latency_peak_p95_ms"
    assert (first["unit"], first["value"], first["range"]) == ("ms", 820.123457, "781.5 to 860.3")
    assert "3 blocks; PASS" in first["extra"]
    assert (second["value"], second["range"]) == (0.25, "0.1 to 0.4")


def test_what_is_better_if_more_is_no_metric_of_which_smaller_is_better():
    assert json.loads(github_action_benchmark.render(replace(PASSING, rows=(THROUGHPUT,)))) == []


def test_bencher():
    found = valid(BENCHER_METRIC_FORMAT, bencher.render(PASSING))
    assert list(found) == ["queue", "sync"]
    assert found["queue"]["http-error-rate-pct"] == {
        "value": 0.25, "lower_value": 0.1, "upper_value": 0.4,
    }  # fmt: skip
    assert found["sync"]["orders-per-s"]["value"] == 98.0


def test_otava():
    ((moment, row),) = as_otava_reads(otava.render(PASSING))
    assert moment == datetime.fromisoformat(PASSING.created_at)
    assert row["commit"] == "4567def"
    assert row["verdict"] == "PASS"
    assert row["queue.purchase_latency_peak_p95_ms"] == pytest.approx(820.123457)
    assert row["sync.orders_per_s"] == 98.0


def test_the_ratio_of_a_baseline_has_a_column_that_can_be_named():
    ((_, row),) = as_otava_reads(otava.render(AGAINST_BASELINE))
    assert row["queue_sync.purchase_latency_peak_p95_ms"] == 2.6


@pytest.mark.parametrize("result", [INCORRECT, INVALID, NOT_COMPARABLE])
def test_what_says_nothing_enters_no_history(result):
    assert json.loads(github_action_benchmark.render(result)) == []
    assert json.loads(bencher.render(result)) == {}
    assert as_otava_reads(otava.render(result)) == []


def test_what_could_not_be_measured_is_left_out():
    for export in EXPORTS:
        text = export.render(UNMEASURABLE)
        assert "error" in text
        assert "latency" not in text


def test_nights_join_to_a_history_as_documented():
    nights = [replace(PASSING, created_at=f"2026-03-0{day}T02:00:00+01:00") for day in (1, 2, 3)]
    header = otava.render(nights[0]).splitlines()[0]
    rows = [otava.render(night).splitlines()[1] for night in nights]
    assert [moment.day for moment, _ in as_otava_reads("\n".join([header, *rows]))] == [1, 2, 3]


def test_the_documented_configuration_names_columns_that_there_are():
    (block,) = re.findall(r"```yaml\n(tests:.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    (test,) = yaml.safe_load(block)["tests"].values()
    both = replace(PASSING, rows=(LATENCY, replace(LATENCY, subject="sync")))
    header = otava.render(both).splitlines()[0].split(",")
    named = [test["time_column"], *test["attributes"]]
    named += [metric["column"] for metric in test["metrics"].values()]
    assert test["type"] == "csv"
    assert set(named) == set(header)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (LATENCY, (812.4 * 0.962, 812.4 * 1.059)),
        (ERRORS, (0.1, 0.4)),
        (UNMEASURED, None),
        (replace(LATENCY, low=None, high=None), None),
    ],
)
def test_bounds_are_in_the_unit_of_the_metric(row, expected):
    assert bounds(row) == (expected and pytest.approx(expected))
