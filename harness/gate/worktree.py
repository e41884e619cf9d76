"""A git worktree of a revision: made, removed, and found again if its gate was killed.

A worktree has two parts: its folder, which lies in the folder of the gate and goes with it, and its
entry in the repository. Git itself forgets the entry only when asked (git-worktree(1), "prune").
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from harness.errors import InfrastructureError, NotComparable
from harness.host import git, inherited
from harness.runtimes.processes import MARKER
from harness.runtimes.state import StateFolder, is_orphaned

NAME = "base"
"""Name of a worktree's folder; the folder that it lies in has the name of the gate that made it."""


def revision_of(root: Path, name: str) -> str:
    """Return the commit that a name means (NotComparable: there is none)."""
    if git.ask(root, "rev-parse", "--git-dir") is None:
        raise NotComparable(
            f"{root} is not in a git repository, so there is no base revision",
            "run the gate in a checkout, or compare with a stored campaign: --baseline FILE",
        )
    commit = git.ask(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
    if commit is None:
        raise NotComparable(
            f"there is no revision {name!r} in {root}",
            f"fetch it: git fetch origin {name}; a shallow clone of CI has only the newest commit",
        )
    return commit


def head_of(root: Path) -> str | None:
    """Return the commit that is checked out; None if there is none."""
    return git.ask(root, "rev-parse", "--verify", "--quiet", "HEAD")


def has_changes(root: Path) -> bool:
    """Return True if anything was changed since the commit that is checked out."""
    return bool(git.ask(root, "status", "--porcelain"))


def files_of(root: Path) -> list[str]:
    """Return the paths, from `root`, of all files that git knows or would add."""
    listed = git.ask(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return sorted({name for name in (listed or "").split("\0") if name})


def add(root: Path, commit: str, state: StateFolder) -> Path:
    """Check a commit out in the folder of a gate (InfrastructureError: git cannot)."""
    path = state.path / NAME
    run(git.command(root, "worktree", "add", "--detach", "--quiet", str(path), commit), state)
    return path


def remove(root: Path, path: Path) -> None:
    """Remove a worktree, whatever state it is in."""
    git.ask(root, "worktree", "remove", "--force", "--force", str(path))


def remove_abandoned(root: Path) -> list[str]:
    """Remove the worktrees that killed gates left in this repository, and return them in words."""
    removed = []
    for path in list(_abandoned(root)):
        git.ask(root, "worktree", "unlock", str(path))  # git locks a worktree that it is making
        remove(root, path)
        git.ask(root, "worktree", "prune")
        removed.append(f"{path}: worktree removed")
    return removed


def run(words: list[str], state: StateFolder, **environment: str) -> None:
    """Run a program to its end (InfrastructureError: its last words).

    It may fetch from outside, and belongs to the folder of its gate, so it is ended with it if the
    gate is killed.
    """
    try:
        subprocess.run(
            words,
            cwd=state.path,
            env={
                **git.environment(),
                **inherited.of_the_network(),
                **environment,
                MARKER: state.identity,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=True,
        )
    except OSError as error:
        raise InfrastructureError(f"cannot run {words[0]}: {error}", "install it") from error
    except subprocess.CalledProcessError as error:
        raise InfrastructureError(
            f"{Path(words[0]).name} {words[1]} failed:\n{error.stderr.strip()}",
            "see its last words",
        ) from error


def _abandoned(root: Path) -> Iterator[Path]:
    listed = git.ask(root, "worktree", "list", "--porcelain", "-z") or ""
    for line in listed.split("\0"):
        path = Path(line.removeprefix("worktree "))
        if line.startswith("worktree ") and path.name == NAME and is_orphaned(path.parent.name):
            yield path
