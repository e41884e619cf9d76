"""The names of scenarios, and the files that they stand for.

What a project does not have is looked up among the scenarios that the harness brings along.
"""

from collections.abc import Iterator
from pathlib import Path

from harness.errors import UsageError
from harness.project import brought_along, scenario_files, scenario_folders

EXPERIMENTS = "experiments/"
"""What the names of experiments begin with, and the folder in `scenarios/` that they are in."""


def known_scenarios(root: Path) -> list[str]:
    """Return the names of the scenarios of the project in `root`, the experiments last."""
    found = {f"{place}{path.stem}" for place, path in _files(root, "*.toml")}
    hidden = {f"{place}{path.stem}" for place, path in _files(root, ".*.toml")}
    return sorted(found - hidden, key=lambda name: ("/" in name, name))


def known_experiments(root: Path) -> list[str]:
    """Return the names of the experiments of the project in `root`."""
    return [name for name in known_scenarios(root) if name.startswith(EXPERIMENTS)]


def ignored_scenarios(root: Path) -> list[Path]:
    """Return the files that editors and file managers hide beside the scenarios."""
    return sorted({path for _, path in _files(root, ".*.toml")})


def _files(root: Path, pattern: str) -> Iterator[tuple[str, Path]]:
    """Yield the files of scenarios that match, each with what its name begins with."""
    for place in ("", EXPERIMENTS):
        for path in scenario_files(root, f"{place}{pattern}"):
            yield place, path


def find_scenario(name_or_path: str, root: Path) -> Path:
    """Return the file of a scenario: the project's, the package's, or one that is named itself.

    Raises UsageError if nothing has this name.
    """
    for project in (root, brought_along()):
        known = known_scenarios(project)
        for name in (name_or_path, f"{EXPERIMENTS}{name_or_path}"):
            if name in known:
                return scenario_files(project, f"{name}.toml")[0]
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        return Path(name_or_path)
    raise UsageError(f"there is no scenario named {name_or_path!r}", list_known(root))


def list_known(root: Path) -> str:
    """Return a hint with the names that are known, and where those scenarios are."""
    own = known_scenarios(root)
    places = [(own, root)]
    if others := [name for name in known_scenarios(brought_along()) if name not in own]:
        places.append((others, brought_along()))
    known = " and ".join(
        f"{', '.join(names) or 'none'} (in {', '.join(map(str, scenario_folders(project)))})"
        for names, project in places
    )
    return f"known scenarios: {known}, or give the path of a TOML file"
