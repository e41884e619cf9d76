"""Base and head, laid out side by side, so that one campaign can measure both by turns.

    <folder of the gate>/base/      a git worktree of the base revision
                         head/      the files of the working tree, as they are now
                         packages/  base's Python environment, if its lock file is another
                         docker-compose.<approach>-<side>.yml   links to compose files in both,
                                                which are those of the side, with it in the title

Both are copies, so an editor that saves a file meanwhile changes nothing. The folder is one of
those that belong to a running harness (`runtimes.state`): what a killed gate leaves is found and
removed.
"""

import hashlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from uv import find_uv_bin

from harness.errors import InfrastructureError, NotComparable, UsageError
from harness.gate import worktree
from harness.gate.result import Side
from harness.runtimes.state import StateFolder, default_state_root
from harness.topology import discover
from harness.topology.section import read_yaml

BASE, HEAD = "base", "head"
_LOCK = "uv.lock"
_DEPLOYED = ("approaches/", "docker-compose.", ".env")
"""How the paths begin of what is deployed; the rest of a checkout changes nothing."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides as they can be deployed: `project` holds the compose files of both.

    `both` are the approaches that base and head have. `pythons` has the interpreter of a side's
    folder, if it is another than this one.
    """

    project: Path
    base: Side
    head: Side
    both: tuple[str, ...]
    of_head: tuple[str, ...]
    pythons: Mapping[Path, Path]


def system(approach: str, side: str) -> str:
    """Return the name under which one side of an approach is measured."""
    return f"{approach}-{side}"


def approach_of(system_name: str) -> tuple[str, str]:
    """Return approach and side of a system."""
    approach, _, side = system_name.rpartition("-")
    return approach, side


@contextmanager
def laid_out(root: Path, revision: str) -> Iterator[Sides]:
    """Lay base and head out for as long as the block lasts, and remove both afterwards.

    Raises NotComparable if there is no such revision, or it has nothing that can be deployed.
    """
    worktree.remove_abandoned(root)
    commit = worktree.revision_of(root, revision)
    state = StateFolder(default_state_root(), "gate")
    try:
        base = worktree.add(root, commit, state)
        _copy(root, state.path / HEAD)
        yield _sides(root, commit, state.path, _packages(base, state))
    finally:
        worktree.remove(root, state.path / worktree.NAME)
        state.remove()


def described(root: Path) -> Side:
    """Return the working tree as a side."""
    return _working_tree(root, root)


def of_file(file: Path, git: Mapping[str, Any] | None) -> Side:
    """Return a stored baseline as a side; `git` is what it recorded of its own checkout."""
    revision = git["revision"] if git else None
    return Side(str(file), revision, bool(git and git["uncommitted"]), _digest([file]), "")


def _sides(root: Path, commit: str, folder: Path, pythons: Mapping[Path, Path]) -> Sides:
    try:
        of_base = tuple(discover(folder / BASE))
    except UsageError as error:
        raise NotComparable(
            f"base ({commit[:12]}) cannot be deployed by this harness: {error.message}", error.hint
        ) from error
    of_head = tuple(discover(folder / HEAD))
    both = tuple(name for name in of_head if name in of_base)
    if not both:
        raise NotComparable(
            f"base ({commit[:12]}) and head have no approach in common",
            f"base has {', '.join(of_base) or 'none'}, head {', '.join(of_head) or 'none'}",
        )
    laid_out = Sides(
        project=folder,
        base=_side(BASE, folder / BASE, worktree.files_of(folder / BASE), commit, False),
        head=_working_tree(root, folder / HEAD),
        both=both,
        of_head=of_head,
        pythons=pythons,
    )
    for side, names in ((BASE, both), (HEAD, of_head)):
        for name in names:
            _name(folder, side, name)
    return laid_out


def _name(folder: Path, side: str, approach: str) -> None:
    """Give the compose file of a side a name and a title that tell the sides apart."""
    named = f"docker-compose.{system(approach, side)}.yml"
    document = read_yaml(folder / side / f"docker-compose.{approach}.yml")
    assert isinstance(document, dict)  # noqa: S101 - it has been read as a topology
    facts = document["x-harness"]
    titled = {**document, "x-harness": {**facts, "title": f"{facts['title']}, {side}"}}
    text = yaml.safe_dump(titled, sort_keys=False, allow_unicode=True)
    (folder / side / named).write_text(text, encoding="utf-8")
    (folder / named).symlink_to(Path(side) / named)


def _copy(root: Path, to: Path) -> None:
    """Copy the files of the working tree that git knows or would add."""
    try:
        for name in worktree.files_of(root):
            source = root / name
            if source.is_file():
                (to / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, to / name)
    except OSError as error:
        raise InfrastructureError(
            f"cannot copy the working tree to {to}: {error}", "free some space, or set TMPDIR"
        ) from error


def _packages(base: Path, state: StateFolder) -> dict[Path, Path]:
    """Make the environment that base's lock file states, if it is not head's.

    With the same lock file both run in this one: two copies of it would differ by nothing.
    """
    lock = base / _LOCK
    if not lock.exists() or _digest([lock]) == _digest([state.path / HEAD / _LOCK]):
        return {}
    packages = state.path / "packages"
    words = "sync --locked --no-default-groups --no-install-project --quiet"
    worktree.run(
        [find_uv_bin(), *words.split(), "--project", str(base), "--python", sys.executable],
        state,
        UV_PROJECT_ENVIRONMENT=str(packages),
    )
    return {base.resolve(): packages / "bin" / "python"}


def _working_tree(root: Path, copy: Path) -> Side:
    files = worktree.files_of(root)
    return _side(HEAD, copy, files, worktree.head_of(root), worktree.has_changes(root))


def _side(
    name: str, folder: Path, files: list[str], revision: str | None, uncommitted: bool
) -> Side:
    deployed = [folder / file for file in files if file.startswith(_DEPLOYED)]
    return Side(name, revision, uncommitted, _digest(deployed, folder), _digest([folder / _LOCK]))


def _digest(files: list[Path], folder: Path | None = None) -> str:
    """Return a digest of the contents, and names if they count from a folder; missing is empty."""
    digest = hashlib.sha256()
    for file in files:
        if folder is not None:
            digest.update(f"{file.relative_to(folder)}\0".encode())
        content = file.read_bytes() if file.is_file() else b""
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
