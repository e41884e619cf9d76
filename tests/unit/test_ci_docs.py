"""docs/ci.md says what is so: its commands, paths, tables and examples."""

import re
import shlex
import tomllib

import pytest
import yaml

from harness.errors import ExitCode
from tests.support.workflows import (
    ACTION,
    DOCS,
    ROOT,
    blocks,
    commands_in,
    parse,
    read,
    snippet,
    steps,
)


def test_every_command_of_the_docs_is_one():
    calls = [shlex.split(call) for call in commands_in(DOCS.read_text())]
    assert len(calls) > 10
    for call in calls:
        parse(call)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("`harness gaze --base HEAD`", "gaze"),
        ("```\nharness gate --bass HEAD\n```", "No such option: --bass"),
        ("```yaml\n  - .venv/bin/harness gate --inconclusive=maybe\n```", "maybe"),
    ],
)
def test_a_command_that_is_none_is_found(text: str, error: str):
    (call,) = commands_in(text)
    with pytest.raises(Exception, match=error):
        parse(shlex.split(call))


def missing_paths(text: str) -> list[str]:
    links = [DOCS.parent / link for link in re.findall(r"\]\((?!https?:)([^)#]+)", text)]
    named = re.findall(
        r"`((?:approaches|docs|harness|report|scenarios|tests|\.github)/[\w./-]*)`", text
    )
    return [str(path) for path in (*links, *(ROOT / name for name in named)) if not path.exists()]


def test_every_path_of_the_docs_is_there():
    assert not missing_paths(DOCS.read_text())


def test_a_path_that_is_not_there_is_found():
    assert len(missing_paths("[a](../scenarios/cj.toml), `scenarios/cj.toml`, `scenarios/`")) == 2


def rows(text: str) -> dict[int, str]:
    """The table of exit codes, by number."""
    return {int(code): word for code, word in re.findall(r"(?m)^\| (\d+) \| ([A-Z_]+) \|", text)}


def test_the_docs_have_every_exit_code():
    words = {int(code): code.name for code in ExitCode}
    assert rows(DOCS.read_text()) == {**words, 0: "PASS"}


def test_the_docs_have_every_input_of_the_action_with_its_default():
    content = read(ACTION)
    for name, one in content["inputs"].items():
        default = f"`{one['default']}`" if one["default"] else ""
        assert f"| `{name}` | {default}".rstrip() in DOCS.read_text()
    assert all(f"`{name}`" in DOCS.read_text() for name in content["outputs"])
    (used,) = [
        one
        for one in steps(yaml.safe_load(snippet("# .github/workflows/gate.yml")))
        if "flashsale-harness" in one["uses"]
    ]
    assert set(used["with"]) <= set(content["inputs"])


def test_the_example_of_settings_is_part_of_those_of_the_project():
    (example,) = blocks(DOCS.read_text(), "toml")
    shown, real = tomllib.loads(example), tomllib.loads((ROOT / "gate.toml").read_text())
    assert shown["metrics"].items() <= real["metrics"].items()
    assert shown == {**real, "metrics": shown["metrics"]}


@pytest.mark.parametrize("block", ["A/A", "seeded regressions"])
def test_the_docs_have_a_place_for_what_commands_fill_in(block: str):
    assert re.search(
        rf"(?s)<!-- {block}: begin -->\n+\|.*\|\n+<!-- {block}: end -->", DOCS.read_text()
    )
