"""The help: every command below its purpose with examples, in 80 columns; a shell completes it."""

import os
import shlex
import subprocess
import sys

import pytest
from typer.main import get_command

from harness import cli
from harness.cli import help_pages
from tests.support.edits import ROOT

COMMANDS = get_command(cli.app).commands
PURPOSES = (help_pages.MEASURE, help_pages.READ, help_pages.OPERATE, help_pages.CI)


def helped(*words):
    """Return what `--help` prints."""
    environment = {**os.environ, "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words, "--help"],
        check=True, capture_output=True, text=True, cwd=ROOT, env=environment,
    )  # fmt: skip
    return done.stdout


def test_the_commands_stand_below_their_purposes_and_none_is_cut():
    text = helped()
    for purpose, after in zip(PURPOSES, (*PURPOSES[1:], "  Examples"), strict=True):
        section = text.split(f"\n{purpose}:\n")[1].split(f"\n{after}:\n")[0]
        listed = [line.split()[0] for line in section.splitlines() if line[2:3].strip()]
        assert listed == [name for name, one in COMMANDS.items() if one.rich_help_panel == purpose]
    assert "..." not in text.replace("[ARGS]...", "")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_that_are_sound(name):
    command = COMMANDS[name]
    first, *lines = command.epilog.removeprefix("\b\n").splitlines()
    assert first == "Examples:"
    assert lines
    assert command.rich_help_panel in PURPOSES
    for line in lines:
        assert len(line) <= 76
        for words in map(shlex.split, line.split("|")[0].split(" && ")):
            if words[0] == "harness" and ">" not in words:
                COMMANDS[words[1]].make_context(words[1], words[2:])


def completed(*words):
    """Return what bash would offer for the last of some words."""
    environment = {
        **os.environ,
        "_HARNESS_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "harness"],
        check=False, capture_output=True, text=True, cwd=ROOT, env=environment,
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("harness sel", ["selftest"]),
        ("harness run --li", ["--live", "--live-port"]),
        ("harness run flash", ["flash_sale"]),
        ("harness run --approach syn", ["sync"]),
    ],
)
def test_a_shell_completes(words, offered):
    assert set(offered) <= set(completed(*words.split()))
