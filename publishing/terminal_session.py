"""A recorded terminal session as a picture: `python -m publishing.terminal_session` makes it again.

The commands are run, here and now, on the stored campaign `results/reference`; so what they print
is what was measured, and it takes seconds. They work on a copy: a report is written as well.
"""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "terminal.svg"
CAMPAIGN = "results/reference"
COMMANDS: Final = ("harness validate flash_sale", f"harness report {CAMPAIGN}")
COLUMNS = 100

_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""A font of the web, which Rich names; no picture of ours asks a server for anything."""


def main() -> None:
    """Run the commands, and write the picture of what they printed."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / CAMPAIGN, Path(folder) / CAMPAIGN)
        session = [(command, _printed(command, Path(folder))) for command in COMMANDS]
    PICTURE.write_text(drawn(session), "utf-8")
    sys.stdout.write(f"{PICTURE}\n")


def drawn(session: list[tuple[str, str]]) -> str:
    """Return the picture, as SVG, of commands and what they printed."""
    terminal = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for command, printed in session:
        terminal.print(Text.assemble(("$ ", "green"), (command, "bold")))
        terminal.print(Text.from_ansi(printed))
    return _FONT.sub("", terminal.export_svg(title="harness", unique_id="terminal"))


def _printed(command: str, folder: Path) -> str:
    """Return what a command of the harness prints on a terminal."""
    program, *words = shlex.split(command)
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *words],
        cwd=folder,
        env={**os.environ, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    main()
