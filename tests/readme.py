"""The shell blocks of the README, as they stand."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def shell_blocks() -> list[str]:
    """The blocks in order: bring up with Compose, buy, take down."""
    return re.findall(r"(?ms)^```sh\n(.*?)^```$", (ROOT / "README.md").read_text())
