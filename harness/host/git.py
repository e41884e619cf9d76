"""Runs git on a repository that is named, whatever repository this process was started for.

Git names to its hooks the repository, index and work tree that they serve, in variables that every
git below them obeys before its own arguments. A harness that runs in a hook would write into the
index that is being committed; so none of ours sees them.
"""

import os
import subprocess
from functools import cache
from pathlib import Path

_LIMIT_S = 60
_ONLY_WHAT_IS_ASKED = {
    "GIT_OPTIONAL_LOCKS": "0",  # the index is not refreshed
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.hooksPath",  # no hook of the repository runs
    "GIT_CONFIG_VALUE_0": os.devnull,
}


def command(root: Path, *arguments: str) -> list[str]:
    """Return the words of a command on a repository, for the environment of this module."""
    return ["git", "-C", str(root), *arguments]


def environment() -> dict[str, str]:
    """Return this process's environment without the variables by which git names a repository."""
    kept = {key: text for key, text in os.environ.items() if key not in _variables_of_git()}
    return {**kept, **_ONLY_WHAT_IS_ASKED}


def ask(root: Path, *arguments: str) -> str | None:
    """Return what git answers; None if it fails, or is not there."""
    return _answer(command(root, *arguments), environment())


@cache
def _variables_of_git() -> frozenset[str]:
    """Return the names of those variables, as git lists them itself (git-rev-parse(1))."""
    names = _answer(["git", "rev-parse", "--local-env-vars"], dict(os.environ))
    return frozenset((names or "").split())


def _answer(words: list[str], variables: dict[str, str]) -> str | None:
    try:
        done = subprocess.run(
            words,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",  # a path may be in any encoding
            timeout=_LIMIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip("\n")
