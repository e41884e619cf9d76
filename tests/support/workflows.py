"""The steps of workflows and of the action, the snippets of docs/ci.md, and a way to run them.

A step is run as GitHub would: by bash, with its environment and nothing else. In place of the
harness stands a program that writes down what it was called with.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer.main
import yaml

from harness.cli import app

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DOCS = ROOT / "docs" / "ci.md"

_RECORDER = """#!{python}
import json, os, pathlib, sys
with pathlib.Path({calls!r}).open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit(int(os.environ.get("HARNESS_EXITS_WITH", "0")))
"""


@dataclass(frozen=True)
class Ran:
    """What a step came to: `calls` are the arguments that the harness was called with."""

    code: int
    said: str
    calls: list[list[str]]
    outputs: dict[str, str]
    summary: str


def read(file: Path) -> dict[str, Any]:
    """Read a YAML file; `on` is a word here and no truth value."""
    return yaml.load(file.read_text(), _Words)


class _Words(yaml.SafeLoader):
    """YAML whose words stay words, as in YAML 1.2."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def steps(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every step of a workflow or of a composite action."""
    if "runs" in content:
        yield from content["runs"]["steps"]
    for job in content.get("jobs", {}).values():
        yield from job["steps"]


def step(file: Path, name: str) -> dict[str, Any]:
    """Find a step by its name."""
    (found,) = [one for one in steps(read(file)) if one.get("name") == name]
    return found


def run(script: str, project: Path, harness_exits_with: int = 0, **environment: str) -> Ran:
    """Run the script of a step in a project."""
    calls, outputs, summary = (project.parent / name for name in ("calls", "outputs", "summary"))
    for file in (calls, outputs, summary):
        file.write_text("")
    _put_recorder(project / ".venv" / "bin" / "harness", calls)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=project,
        env={
            "PATH": os.environ["PATH"],
            "GITHUB_ACTION_PATH": str(project),
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
            "HARNESS_EXITS_WITH": str(harness_exits_with),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return Ran(
        code=done.returncode,
        said=done.stdout + done.stderr,
        calls=[json.loads(line) for line in calls.read_text().splitlines()],
        outputs=dict(line.split("=", 1) for line in outputs.read_text().splitlines()),
        summary=summary.read_text(),
    )


def parse(call: list[str]) -> dict[str, Any]:
    """Read a call of the harness as the harness does, and return its options; nothing is run.

    A command alone is a name, which has none.
    Raises KeyError if there is no such command, and what Typer raises for a wrong option or value.
    """
    name, *options = call
    command = typer.main.get_group(app).commands[name]
    return command.make_context(name, options).params if options else {}


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


def snippet(first_line: str) -> str:
    """Return the YAML block of docs/ci.md that begins with a line."""
    (found,) = [one for one in blocks(DOCS.read_text(), "yaml") if one.startswith(first_line)]
    return found


def commands_in(text: str) -> list[str]:
    """Return what follows `harness` in the code of a Markdown text, comments left out."""
    fenced = re.findall(r"(?ms)^```\w*\n(.*?)^```$", text)
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"(?ms)^```.*?^```$", "", text))
    lines = [line for block in fenced for line in block.splitlines()] + spans
    calls = (re.match(r"(?:[\s-]*|.*\.venv/bin/)harness ([a-z][^#|;&]*)", line) for line in lines)
    return [call[1].strip() for call in calls if call]


def _put_recorder(at: Path, calls: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_text(_RECORDER.format(python=sys.executable, calls=str(calls)))
    at.chmod(0o755)
