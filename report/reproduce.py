"""How to make a campaign again, how to check it without measuring, and where its raw data is."""

import shlex
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.results.store import Campaign

CHECK = ("harness audit FOLDER", "harness report FOLDER")
"""What checks the stored data again, and builds this report again."""


@dataclass(frozen=True, slots=True)
class RawRun:
    """The stored files of one run, as paths from the report's folder, with their size in bytes."""

    index: int
    variant: str
    folder: str
    files: tuple[tuple[str, str, int], ...]


def commands(campaign: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what makes the campaign again, from a clone; nothing if no command was recorded."""
    environment = campaign.get("environment", {})
    argv = [str(word) for word in environment.get("argv") or ()]
    command = argv[1] if len(argv) > 1 else ""
    if command not in ("run", "capacity"):
        return ()
    revision = (environment.get("git") or {}).get("revision")
    words = [*without(argv[2:], ("--out",))]
    stated = [("--seed", campaign["seed"])]
    stated += [("--runs", campaign["n_blocks"])] if command == "run" else []
    for option, value in stated:
        if not any(word == option or word.startswith(f"{option}=") for word in words):
            words += [option, str(value)]
    return (
        *([f"git checkout {revision}"] if revision else []),
        "make .venv/.synced",
        f".venv/bin/harness {command} {shlex.join(words)}",
    )


def without(words: Sequence[str], options: Container[str]) -> Iterator[str]:
    """Yield the words of a command without some of its options, each with its value."""
    skip = False
    for word in words:
        name, joined, _ = word.partition("=")
        if not skip and name not in options:
            yield word
        skip = name in options and not joined


def caveat(campaign: Mapping[str, Any]) -> str:
    """Return what the commands cannot bring back."""
    git = campaign.get("environment", {}).get("git") or {}
    if git.get("uncommitted"):
        return (
            "The harness had uncommitted changes when it measured: this revision is not all of "
            "its code."
        )
    return "Random draws repeat with the seed; latencies are those of your machine."


def raw(campaign_dir: Path) -> tuple[RawRun, ...]:
    """Return the stored runs with their files."""
    found = []
    for folder in Campaign.open(campaign_dir).run_folders():
        number, _, variant = folder.name.partition("-")
        files = sorted(path for path in folder.iterdir() if path.is_file())
        found.append(
            RawRun(
                index=int(number),
                variant=variant,
                folder=f"../runs/{folder.name}/",
                files=tuple(
                    (path.name, f"../runs/{folder.name}/{path.name}", path.stat().st_size)
                    for path in files
                ),
            )
        )
    return tuple(found)
