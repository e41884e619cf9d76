"""This project in a git repository of its own, changed from its first commit to its second."""

import shutil
from pathlib import Path

from tests.support.edits import ROOT, Edit, copy_deployed, edited, write
from tests.support.repositories import commit, git

OTHER_FILES = (".gitignore", "README.md", "gate.toml", "pyproject.toml", "uv.lock")


def write_project(
    project: Path,
    head: tuple[Edit, ...] = (),
    base: tuple[Edit, ...] = (),
    scenarios: Path | None = None,
) -> None:
    """Write a repository of two commits: the project edited as base, then as head.

    `scenarios` is a folder of scenarios that stand in the place of the project's of their names.
    """
    project.mkdir()
    copy_deployed(project)
    shutil.copytree(ROOT / "scenarios", project / "scenarios")
    for file in OTHER_FILES:
        shutil.copy(ROOT / file, project)
    for file in scenarios.glob("*.toml") if scenarios else ():
        shutil.copy(file, project / "scenarios")
    git(project, "init", "--quiet", "--initial-branch", "main")
    write(edited(base), project)
    commit(project, "Base")
    untouched = {name: (ROOT / name).read_text(encoding="utf-8") for name in edited(base)}
    write(untouched | edited(head), project)
    commit(project, "Head")
