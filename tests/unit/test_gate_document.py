"""gate.json follows its published schema, and the same result gives the same bytes."""

import json
from dataclasses import replace

import jsonschema_rs
import pytest

from harness.errors import UsageError
from report.gate import publish
from report.gate.gate_json import document, schema, to_json
from tests.support.gate_results import EACH, INCONCLUSIVE, PASSING, REGRESSION

ROOT_FILES = ["gate.json", "junit.xml", "summary.md"]
EXPORTS = ["bencher.json", "github-action-benchmark.json", "otava.csv"]


def test_the_schema_is_a_schema():
    jsonschema_rs.meta.validate(schema())


@pytest.mark.parametrize("result", EACH.values(), ids=EACH)
def test_every_result_follows_the_schema(result):
    jsonschema_rs.validator_for(schema()).validate(json.loads(to_json(result)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": "REGRESSION"},
        {"exit_code": 10},
        {"schema_version": 1},
        {"took_s": -1},
        {"mode": "other"},
        {"more": 1},
        {"rows": [{}]},
        {"reasons": [1]},
    ],
    ids=str,
)
def test_what_is_no_gate_json_is_refused(wrong):
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validator_for(schema()).validate({**document(PASSING), **wrong})


def test_every_number_is_described():
    """Whoever reads the file must know the unit of each of its numbers."""
    defs = schema()["$defs"].values()
    numbers = [
        (name, one)
        for part in (schema(), *defs)
        for name, one in part["properties"].items()
        if "number" in one.get("type", ())
    ]
    assert len(numbers) > 5
    assert [name for name, one in numbers if not one.get("description")] == []


def test_the_same_result_gives_the_same_bytes():
    assert to_json(replace(REGRESSION)) == to_json(REGRESSION)
    assert to_json(REGRESSION) != to_json(INCONCLUSIVE)


def test_floats_have_nine_digits():
    assert document(PASSING)["rows"][0]["head"] == 820.123457


def test_publish_writes_every_file_and_says_which(tmp_path):
    written = publish(REGRESSION, tmp_path / "gate")
    assert sorted(str(path.relative_to(tmp_path / "gate")) for path in written) == sorted(
        [*ROOT_FILES, *(f"exports/{name}" for name in EXPORTS)]
    )
    assert all(path.stat().st_size for path in written)
    before = {path: path.read_bytes() for path in written}
    publish(REGRESSION, tmp_path / "gate")
    assert {path: path.read_bytes() for path in written} == before


def test_a_folder_that_cannot_be_written_is_told_to_people(tmp_path):
    (tmp_path / "gate").write_text("a file")
    with pytest.raises(UsageError, match="cannot write to"):
        publish(PASSING, tmp_path / "gate")
