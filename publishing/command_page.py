"""The reference of the commands, from the command line itself."""

import re

import typer
from typer.cli import get_docs_for_click

from harness.cli import app

HEAD = """# Commands

Generated from what `harness --help` and `harness COMMAND --help` print. Square brackets at the end
of a description hold the default. [The exit codes](measuring.md#exit-codes) are the same for all
commands.
"""


def command_page() -> str:
    """Return the page, with a section for each command."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="harness")
    text = get_docs_for_click(obj=command, ctx=context, name="harness", title=" ")
    _, _, sections = text.partition("\n")
    listed = re.compile(r"\*\*Commands\*\*:.*?(?=^## )", re.DOTALL | re.MULTILINE)
    return f"{HEAD}\n{listed.sub('', sections).strip()}\n"  # each has a section
