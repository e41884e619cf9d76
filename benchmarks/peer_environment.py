"""The virtual environment of the peers, made from their own lock when it is first needed."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import ROOT

PEERS = ROOT / "benchmarks/peers"
VENV = ROOT / "benchmarks/.venv-peers"


def peer_program(name: str) -> Path:
    """Return a program of the peers' environment, which is brought up to date with its lock."""
    if not (VENV / ".synced").exists() or _is_older(VENV / ".synced", PEERS / "uv.lock"):
        subprocess.run(
            [Path(sys.executable).parent / "uv", "sync", "--locked", "--quiet"],
            cwd=PEERS,
            env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(VENV)},
            check=True,
        )
        (VENV / ".synced").touch()
    return VENV / "bin" / name


def peer_versions() -> dict[str, str]:
    """Return the version of each package of the peers' environment."""
    freeze = subprocess.run(
        [Path(sys.executable).parent / "uv", "pip", "freeze", "--python", peer_program("python")],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("==", 1) for line in freeze.stdout.splitlines() if "==" in line)


def _is_older(file: Path, than: Path) -> bool:
    return file.stat().st_mtime < than.stat().st_mtime
