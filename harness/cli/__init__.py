"""The command line: the one place that prints, catches errors and picks the exit code."""

import gc
import io
import signal
import sys
from importlib import import_module
from types import FrameType

import typer
from rich.console import Console

from harness.cli.application import app
from harness.errors import ExitCode, HarnessError, is_full
from harness.host import inherited

_COMMANDS = (
    *("run", "capacity", "validate", "selftest", "load_worker"),
    *("report", "compare", "audit", "history", "list"),
    *("up", "reset", "down", "conform", "doctor", "clean", "init", "export"),
    *("gate", "baseline"),
)
"""Each is a module of its name, in the order of `harness --help`: a line for each purpose."""

# What is imported and drawn is many objects and next to no cycles: looking for those as often as
# Python does by itself is a tenth of the CPU of a report.
gc.set_threshold(50_000, 20, 50)

for _name in _COMMANDS:
    import_module(f"{__name__}.{_name}")

_err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def main() -> None:
    """Run one command; every failure that a user can cause ends in `error:` and `hint:`."""
    inherited.set_aside()
    _replace_what_cannot_be_written()
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # a closed terminal is a Ctrl-C
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="harness", standalone_mode=False)
    except HarnessError as error:
        code = _print_error(error.message, error.hint, error.exit_code)
    except OSError as error:
        if not is_full(error):
            raise
        where = f": {error.filename}" if error.filename else ""
        hint = "free some space; temporary files are where TMPDIR says"
        code = _print_error(f"there is no space left{where}", hint, ExitCode.INFRASTRUCTURE)
    except typer.exceptions.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f"see `{context.command_path} --help`" if context else "see `harness --help`"
        words = error.format_message() if hasattr(error, "format_message") else str(error)
        code = _print_error(words, hint, ExitCode.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        code = _print_error("interrupted", "", ExitCode.INTERRUPTED)
    sys.exit(int(code or 0))


def _replace_what_cannot_be_written() -> None:
    """Write a question mark for a character that the terminal or the pipe has no code for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _print_error(message: str, hint: str, code: ExitCode) -> ExitCode:
    _err.print(f"[bold red]error:[/] {_plain(message)}")
    if hint:
        _err.print(f"[bold]hint:[/] {_plain(hint)}")
    return code


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


__all__ = ["app", "main"]
