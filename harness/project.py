"""The project that is measured: a folder with compose files, scenarios, and settings of the gate.

It is the folder that `--project` or `HARNESS_PATH` names; else the one in which `harness` was
called, if that has compose files. Else it is the one that the package brings along, so a harness
that was installed measures from an empty folder, and what the folder does have, a scenario or a
gate.toml, comes first. A scenario that a project does not have is that of the package.
"""

import os
import re
import shutil
from pathlib import Path

from harness.errors import UsageError
from harness.host import git

PREFIX = "docker-compose."
VARIABLE = "HARNESS_PATH"
"""The variable of the environment that names the project; `--project` sets it."""

_PATTERN = f"{PREFIX}*.yml"
_OVERRIDE = re.compile(r"docker-compose\.(?:.+\.)?override\.yml")
"""What Compose lays over another file by itself, or by custom: never an approach of its own."""

_PACKAGE = Path(__file__).resolve().parent
_BUILT_IN = _PACKAGE / "builtin"
"""Where the wheel has them (pyproject.toml); in a checkout they are at its root."""
_PARTS = (
    *(_PATTERN, ".env", "gate.toml", "scenarios/**/*.toml", "approaches/**/*"),
    *(".dockerignore", "pyproject.toml", "uv.lock"),  # the image of the services is built of them
)


def project_root() -> Path:
    """Return the folder of the project: the one that is named, this one, or the package's own.

    Raises UsageError if it holds no compose file.
    """
    if named := os.environ.get(VARIABLE):
        folder = Path(named).resolve()
        if not compose_files(folder):
            raise UsageError(
                f"{folder} holds no {PREFIX}<approach>.yml",
                f"name the folder of a project by --project or {VARIABLE}",
            )
        return folder
    here = Path.cwd()
    for folder in (here, brought_along()):
        if compose_files(folder):
            return folder
    raise UsageError(
        f"neither {here} nor {brought_along()} holds a {PREFIX}<approach>.yml",
        "run it in the folder of the project, or name that by --project",
    )


def revision() -> str | None:
    """Return the git revision of the checkout that this package is in; None if it is in none."""
    return None if _BUILT_IN.exists() else git.ask(_PACKAGE.parent, "rev-parse", "--short", "HEAD")


def is_installed(root: Path) -> bool:
    """Return True for the project that lies among installed packages, where nothing is written."""
    return root == _BUILT_IN


def folders(root: Path) -> list[Path]:
    """Return where the files of the project in `root` may be, in the order in which they count."""
    return [Path.cwd(), root] if is_installed(root) else [root]


def scenario_files(root: Path, pattern: str) -> list[Path]:
    """Return the files in `scenario_folders` that match, those first that count before others."""
    return [path for place in scenario_folders(root) for path in place.glob(pattern)]


def scenario_folders(root: Path) -> list[Path]:
    """Return the folders with the scenarios of the project: the package's, if it has none."""
    own = [folder / "scenarios" for folder in folders(root)]
    return [folder for folder in own if folder.is_dir()] or [brought_along() / "scenarios"]


def project_file(root: Path, name: str) -> Path:
    """Return a file of the project in `root`; one that is not there is named as if it were."""
    found = (folder / name for folder in folders(root) if (folder / name).exists())
    return next(found, root / name)


def results_root() -> Path:
    """Return the folder in which results/ is: never among installed packages."""
    return folders(project_root())[0]


def write_project(folder: Path) -> list[Path]:
    """Copy what the package brings along into a folder, to be changed; return its new files.

    Raises UsageError, with nothing written, if one of them is there already.
    """
    source = brought_along()
    names = [
        path.relative_to(source)
        for pattern in _PARTS
        for path in sorted(source.glob(pattern))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    for name in names:
        if (folder / name).exists():
            raise UsageError(f"{folder / name} is there already", "choose an empty folder")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, folder / name)
    return [folder / name for name in names]


def files_like_an_approach(root: Path) -> list[Path]:
    """Return the files of a folder that are named like an approach."""
    return sorted(root.glob(_PATTERN))


def compose_files(root: Path) -> list[Path]:
    """Return the compose files of a folder, one per approach."""
    return [path for path in files_like_an_approach(root) if not _OVERRIDE.fullmatch(path.name)]


def brought_along() -> Path:
    """Return the folder with the approaches, gateway and scenarios that come with the harness."""
    return _BUILT_IN if _BUILT_IN.exists() else _PACKAGE.parent
