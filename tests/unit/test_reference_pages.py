"""The reference of the site has every command, scenario key, metric and stored key there is."""

import json
import re
from collections.abc import Iterator

import pytest
import typer.main

from harness.analysis.metrics import METRICS
from harness.cli import app
from harness.scenario.fault_kinds import FAULT_KINDS
from harness.scenario.model import Scenario
from publishing.command_page import command_page
from publishing.json_schema import Key, keys
from publishing.markdown_table import markdown_table
from publishing.metric_page import metric_page
from publishing.scenario_page import scenario_page
from publishing.stored_file_pages import ROOT, SCHEMAS, stored_file_pages


def test_every_command_has_a_section_with_each_of_its_options():
    _, *sections = re.split(r"(?m)^## `harness ([a-z-]+)`$", command_page())
    found = dict(zip(sections[::2], sections[1::2], strict=True))
    commands = typer.main.get_group(app).commands
    assert found.keys() == commands.keys()
    for name, command in commands.items():
        for one in command.params:
            if one.param_type_name == "option" and not getattr(one, "hidden", False):
                assert all(
                    f"`{word}" in found[name] or f" {word}" in found[name] for word in one.opts
                )
        assert (command.help or "").split("\n")[0] in found[name]


def _models(schema: dict, definitions: dict) -> Iterator[dict]:
    yield schema
    yield from definitions.values()


def test_every_key_of_a_scenario_is_in_the_table_of_its_table():
    page = scenario_page()
    schema = Scenario.model_json_schema()
    for one in _models(schema, schema["$defs"]):
        for key in one.get("properties", {}):
            assert f"| `{key}` |" in page, key
    for place in ("[product]", "[[stages]]", "[[cases]]", "[[cases.faults]]", "[approach.NAME]",
                  "[[open.stages]]", "[[cases.random_faults.draw_from]]"):  # fmt: skip
        assert re.search(rf"(?m)^## .*`{re.escape(place)}`", page), place
    assert all(f"| `{kind}` |" in page for kind in FAULT_KINDS)


def test_a_key_has_its_value_its_default_and_its_meaning():
    page = scenario_page()
    for row in (
        "| `retries` | whole number ≥ 0, ≤ 20 | `3` | How often a buyer repeats",
        "| `stock_max` | whole number ≥ 1, ≤ 2,147,483,647 | *must be given* |",
        '| `model` | `"lognormal"` or `"fixed"` | `"lognormal"` |',
        "| `stages` | list of [`[[stages]]`](#table-stage) |",
    ):
        assert row in page


def test_no_reference_leads_to_a_table_that_is_not_there():
    for page in (scenario_page(), *stored_file_pages().values()):
        anchors = {*re.findall(r"\{ #([\w-]+) \}", page)}
        anchors |= {name.lower() for name in re.findall(r"(?m)^## (\w+)$", page)}
        assert set(re.findall(r"\]\(#([\w-]+)\)", page)) <= anchors


def test_every_metric_is_in_a_row_with_its_unit_and_description():
    page = metric_page()
    for name, one in METRICS.items():
        (row,) = re.findall(rf"(?m)^\| .*`{name}`.*$", page)
        assert one.description.split("\n")[0][:40].replace("|", "\\|") in row
        assert one.unit in row


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_of_a_stored_file_is_on_its_page(name: str):
    path, _ = SCHEMAS[name]
    schema = json.loads((ROOT / path).read_text("utf-8"))
    (page,) = [text for text in stored_file_pages().values() if text.startswith(f"# {name}\n")]
    for one in _models(schema, schema.get("$defs", {})):
        for key in one.get("properties", {}):
            assert re.search(rf"(?m)^\| `(\S+[.])?{re.escape(key)}` \|", page), key


def test_objects_within_a_schema_are_keys_of_their_parent():
    schema = {
        "required": ["load"],
        "properties": {
            "load": {"type": "object", "properties": {"users": {"type": ["integer", "null"]}}},
            "laws": {"type": "array", "items": {"properties": {"title": {"type": "string"}}}},
            "by": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Sale"}},
        },
    }
    assert [(key.name, key.value) for key in keys(schema, lambda name: f"<{name}>")] == [
        ("load", "object"),
        ("load.users", "whole number or null"),
        ("laws", "list of anything"),
        ("laws[].title", "text"),
        ("by", "by name, <Sale>"),
    ]


def test_a_default_is_shown_if_it_says_something():
    schema = {"properties": {"a": {"default": 0}, "b": {"default": None}, "c": {"default": {}}}}
    assert [key.default for key in keys(schema, str)] == ["0", None, None]
    assert next(iter(keys(schema, str))) == Key("a", "anything", "0", False, "")


def test_no_text_of_a_cell_ends_it():
    assert markdown_table(["a"], [["b|c\nd"]]) == "| a |\n| --- |\n| b\\|c d |"
