"""The command line's application, and the console that its commands print to."""

import typer
from rich.console import Console

app = typer.Typer(
    name="harness",
    help="Would a queue have saved the sale? Measures both, and audits what it measured.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console(highlight=False, soft_wrap=True)
