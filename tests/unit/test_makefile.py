"""`make` works wherever the checkout lies."""

import shutil
import subprocess
from pathlib import Path

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_the_environment_is_synced_in_a_folder_with_a_space(tmp_path):
    project = tmp_path / "my own $HOME; 'shop'"
    programs = project / ".venv" / "bin"
    programs.mkdir(parents=True)
    shutil.copy(MAKEFILE, project)
    for file in ("pyproject.toml", "uv.lock"):
        (project / file).touch()
    for program in ("python", "uv", "harness"):
        (programs / program).write_text('#!/bin/sh\necho "$0 $* in $VIRTUAL_ENV"\n')
        (programs / program).chmod(0o755)
    done = subprocess.run(
        ["make", "--silent", "run"], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    synced, ran = done.stdout.splitlines()
    assert synced.startswith(".venv/bin/uv sync ")
    assert synced.endswith(f" in {project}/.venv")
    assert ran.startswith(".venv/bin/harness run quick")
