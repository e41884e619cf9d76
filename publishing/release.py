"""`make release`: builds all that a release of the tagged commit has, and uploads nothing.

Ends with `error:` and `hint:` if the commit is not one that can be released.
"""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from harness.errors import HarnessError, InfrastructureError, UsageError
from harness.host import git

ROOT = Path(__file__).parents[1]
IMAGE = "flashsale-approaches"
_SECTION = re.compile(r"^## \[?([^\]\s]+)\]?.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """A version, and what its section of the changelog says."""

    version: str
    notes: str


def main(root: Path = ROOT) -> int:
    """Build a release of the checkout in `root`; return the exit code."""
    try:
        release = checked_release(root)
        _build_packages(root, release)
        build_image(root, release.version)
    except HarnessError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return error.exit_code
    return 0


def checked_release(root: Path) -> Release:
    """Return what the commit that is checked out releases.

    Raises UsageError if it is changed or not tagged, or if the tag, `pyproject.toml` and the
    changelog do not name one version.
    """
    changed = git.ask(root, "status", "--porcelain")
    if changed is None:
        raise UsageError(f"{root} is no git checkout", "clone the project; a release has a tag")
    if changed:
        raise UsageError(
            f"there are changes that are not committed:\n{changed}", "commit them, or remove them"
        )
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    tags = (git.ask(root, "tag", "--points-at", "HEAD", "--list", "v*") or "").split()
    if not tags:
        raise UsageError("this commit has no tag", f"git tag v{version}")
    if f"v{version}" not in tags:
        raise UsageError(
            f"the tag is {' and '.join(tags)}, but pyproject.toml says {version}",
            "set version in pyproject.toml, run `uv lock`, and commit, before you tag",
        )
    return Release(version, _notes(root / "CHANGELOG.md", version))


def _notes(changelog: Path, version: str) -> str:
    """Return the section of a version (UsageError: there is none, or it is empty)."""
    _, *sections = _SECTION.split(changelog.read_text("utf-8"))
    notes = dict(zip(sections[::2], sections[1::2], strict=True))
    if found := notes.get(version, "").strip():
        return found
    raise UsageError(
        f"{changelog.name} says nothing of version {version}",
        f"name the section of what is unreleased `## {version}`, and commit it before you tag",
    )


def _build_packages(root: Path, release: Release) -> None:
    """Write wheel, source distribution and notes into `dist/`."""
    dist = root / "dist"
    uv = Path(sys.executable).with_name("uv")
    _run([uv, "build", "--quiet", "--clear", "--out-dir", dist, root])
    (dist / "release-notes.md").write_text(f"{release.notes}\n", "utf-8")
    for file in sorted(dist.glob("[!.]*")):
        sys.stdout.write(f"{file.relative_to(root)}\n")


def build_image(root: Path, version: str) -> None:
    """Build the image of the services, if a Docker engine answers here; say so if none does.

    Raises InfrastructureError if it cannot be built.
    """
    image = f"{IMAGE}:{version}"
    if not _has_engine():
        sys.stderr.write(f"warning: NO IMAGE: no Docker engine answers; {image} was not built\n")
        return
    python = os.environ.get("PYTHON_IMAGE") or dotenv_values(root / ".env")["PYTHON_IMAGE"]
    dockerfile = root / "approaches" / "Dockerfile"
    argument = f"PYTHON_IMAGE={python}"
    _run(["docker", "build", "--file", dockerfile, "--build-arg", argument, "--tag", image, root])
    sys.stdout.write(f"image {image}\n")


def _has_engine() -> bool:
    try:
        asked = subprocess.run(["docker", "version"], capture_output=True, check=False)
    except OSError:
        return False
    return asked.returncode == 0


def _run(words: list[str | Path]) -> None:
    try:
        subprocess.run(words, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        command = " ".join(map(str, words))
        raise InfrastructureError(
            f"`{command}` failed: {error}", "what it printed above says why"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
