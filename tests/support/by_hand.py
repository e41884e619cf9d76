"""The shell blocks of docs/operating.md, as they stand."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def shell_blocks() -> list[str]:
    """The blocks in order: bring up with Compose, buy, take down."""
    return re.findall(r"(?ms)^```sh\n(.*?)^```$", (ROOT / "docs/operating.md").read_text())


def buy_at(address: str) -> subprocess.CompletedProcess[str]:
    """Buy as the document says: register, log in, buy one, and watch it until it is settled."""
    _, buy, _ = shell_blocks()
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", buy],
        env={**os.environ, "HARNESS_PORT": address.rpartition(":")[2]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
