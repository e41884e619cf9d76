"""Base and head, laid out side by side, so that one campaign can measure both in turn.

    <folder of the gate>/base/      a git worktree of the base revision
                         head/      the files of the working tree, as they are now
                         packages/  base's Python environment, if its lock file is another

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

from uv import find_uv_bin

from harness.campaign import Variant
from harness.errors import InfrastructureError, NotComparable, UsageError
from harness.gate import worktree
from harness.gate.result import Side
from harness.runtimes.state import StateFolder, default_state_root
from harness.topology import Topology, discover

BASE, HEAD = "base", "head"
_LOCK = "uv.lock"
_DEPLOYED = ("approaches/", "docker-compose.", ".env")
"""How the paths begin of what is deployed; the rest of a checkout changes nothing."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides as they can be deployed, `base_folder` and `head_folder`.

    `of_base` and `of_head` are their approaches. `pythons` has the interpreter of a side's folder,
    if it is another than this one.
    """

    base: Side
    head: Side
    base_folder: Path
    head_folder: Path
    of_base: Mapping[str, Topology]
    of_head: Mapping[str, Topology]
    pythons: Mapping[Path, Path]

    @property
    def both(self) -> tuple[str, ...]:
        """Return the approaches that base and head have."""
        return tuple(name for name in self.of_head if name in self.of_base)

    def variant(self, approach: str, side: str) -> Variant:
        """Return one side of an approach, as it is measured."""
        is_base = side == BASE
        found = (self.of_base if is_base else self.of_head)[approach]
        revision = (self.base if is_base else self.head).revision
        return Variant(
            name=variant_name(approach, side),
            approach=approach,
            title=f"{found.title}, {side}",
            source=f"{side} {revision or 'without a commit'}",
            folder=self.base_folder if is_base else self.head_folder,
        )


def variant_name(approach: str, side: str) -> str:
    """Return the name under which one side of an approach is measured."""
    return f"{approach}-{side}"


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
        of_base = discover(folder / BASE)
    except UsageError as error:
        raise NotComparable(
            f"base ({commit[:12]}) cannot be deployed by this harness: {error.message}", error.hint
        ) from error
    of_head = discover(folder / HEAD)
    if not set(of_head) & set(of_base):
        raise NotComparable(
            f"base ({commit[:12]}) and head have no approach in common",
            f"base has {', '.join(of_base) or 'none'}, head {', '.join(of_head) or 'none'}",
        )
    return Sides(
        base=_side(BASE, folder / BASE, worktree.files_of(folder / BASE), commit, False),
        head=_working_tree(root, folder / HEAD),
        base_folder=folder / BASE,
        head_folder=folder / HEAD,
        of_base=of_base,
        of_head=of_head,
        pythons=pythons,
    )


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
    words = "sync --locked --no-default-groups --all-extras --no-install-project --quiet"
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
