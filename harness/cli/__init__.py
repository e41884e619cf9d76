"""The command line: the one place that prints, catches errors and picks the exit code."""

import signal
import sys
from types import FrameType

import click
from rich.console import Console

from harness.cli.commands import app
from harness.errors import ExitCode, HarnessError

_err = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    """Run one command; every failure that a user can cause ends in `error:` and `hint:`."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(standalone_mode=False)
    except HarnessError as error:
        code = _tell(error.message, error.hint, error.exit_code)
    except click.exceptions.Abort:
        code = ExitCode.INTERRUPTED
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"see `{context.command_path} --help`" if context else "see `harness --help`"
        code = _tell(error.format_message(), hint, ExitCode.USAGE)
    except KeyboardInterrupt:
        code = _tell("interrupted", "", ExitCode.INTERRUPTED)
    sys.exit(int(code or 0))


def _tell(message: str, hint: str, code: ExitCode) -> ExitCode:
    _err.print(f"[bold red]error:[/] {_plain(message)}")
    if hint:
        _err.print(f"[bold]hint:[/] {_plain(hint)}")
    return code


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


__all__ = ["app", "main"]
