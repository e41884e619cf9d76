"""A small project in a git repository of its own."""

import subprocess
from pathlib import Path

from tests.support.small_project import write_small_project

WHO = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]


def git(root: Path, *words: str) -> str:
    """What git says; raises if it fails."""
    done = subprocess.run(
        ["git", "-C", str(root), *WHO, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(root: Path, message: str = "A change") -> str:
    """Commit everything, and return the commit."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(root, "rev-parse", "HEAD")


def small_repository(root: Path) -> str:
    """Write the small project into a repository of its own, and return its first commit."""
    write_small_project(root)
    git(root, "init", "--quiet", "--initial-branch", "main")
    return commit(root, "The small project")
