"""Options that several commands have, and how their words are read."""

import re
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import HarnessError, UsageError
from harness.runtime_names import RUNTIMES

if TYPE_CHECKING:
    from harness.campaign.variants import Variant
    from harness.scenario.sweeps import Sweep, Value


def complete_scenario(incomplete: str) -> list[str]:
    """Return the scenarios that a shell may complete a word to."""
    from harness.project import project_root
    from harness.scenario.names import known_scenarios

    with suppress(HarnessError):
        return [name for name in known_scenarios(project_root()) if name.startswith(incomplete)]
    return []


def complete_approach(incomplete: str) -> list[str]:
    """Return the approaches that a shell may complete a word to."""
    from harness.project import project_root
    from harness.topology import discover

    with suppress(HarnessError):
        return [name for name in discover(project_root()) if name.startswith(incomplete)]
    return []


ApproachOption = Annotated[
    list[str] | None,
    typer.Option(
        "--approach",
        metavar="NAME",
        help="Only this approach; may be repeated.",
        autocompletion=complete_approach,
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Folder for the results.")
]
RuntimeOption = Annotated[
    str, typer.Option(metavar="NAME", help=f"What deploys: {' or '.join(RUNTIMES)}.")
]
ScaleOption = Annotated[
    list[str] | None,
    typer.Option("--scale", metavar="SERVICE=N", help="Replicas; may be repeated."),
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SERVICE.KEY=VALUE", help="A setting; may be repeated."),
]
SweepOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep",
        metavar="KEY=VALUE,VALUE,…",
        help="Measure each value of SERVICE.replicas, SERVICE.KEY, or a key of the scenario, such "
        "as load.peak_users; two make a grid. In place of the scenario's [[sweep]].",
    ),
]
StrictOption = Annotated[
    bool,
    typer.Option(
        "--strict", help="Exit with 20 for durability and security of the set-up as well."
    ),
]
RunsOption = Annotated[
    str | None,
    typer.Option(
        metavar="N|auto",
        help="Runs per variant, and per case; auto: 3, 5 or 8, until all that matters is decided.",
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Seed of the first block; each next has one more."),
]
SameSeedOption = Annotated[
    bool, typer.Option("--same-seed", help="Repeat the same draws in every block.")
]
LiveOption = Annotated[
    bool, typer.Option("--live", help="Serve a page of charts on loopback while it runs.")
]
LivePortOption = Annotated[
    int | None,
    typer.Option(metavar="PORT", min=0, max=65535, help="Port of the live page. [any free one]"),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, and nothing else.")
]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the report in the browser.")]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the result and errors alone.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print what is done within each step as well.")
]
VariantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--variant",
        metavar="NAME[=APPROACH,…]",
        help="A variant of the scenario, an approach, or a new one: "
        "NAME=APPROACH,SERVICE.KEY=VALUE,SERVICE=N; may be repeated.",
    ),
]
BaselineOption = Annotated[
    str | None,
    typer.Option("--baseline", metavar="NAME", help="Variant to compare with. [the first]"),
]
_AUTO = "auto"
_SCALE = re.compile(r"([\w-]+)=(\d+)")
_SETTING = re.compile(r"([\w-]+)\.(\w+)=(.*)")


class Detail(Enum):
    """How much a command that measures prints while it does."""

    RESULT = "the result and errors alone"
    STEPS = "the steps, and how the load goes"
    EVERYTHING = "what is done within each step as well"


def read_detail(*, quiet: bool, verbose: bool) -> Detail:
    """Return how much is to be printed (UsageError: both more and less)."""
    if quiet and verbose:
        raise UsageError("--quiet and --verbose contradict each other", "say one of the two")
    return Detail.RESULT if quiet else Detail.EVERYTHING if verbose else Detail.STEPS


def read_runs(word: str | None, otherwise: int) -> int | None:
    """Return how many runs, `otherwise` if nothing is said; None for auto: as many as it takes.

    Raises UsageError for anything else.
    """
    if word is None:
        return otherwise
    if word == _AUTO:
        return None
    if not re.fullmatch(r"[1-9]\d*", word):
        raise UsageError(f"--runs {word}: not a whole number from 1", "or say --runs auto")
    return int(word)


def read_scales(words: Iterable[str] | None) -> dict[str, int]:
    """Return replicas by service (UsageError: not of the form SERVICE=N)."""
    return dict(_scale(word) for word in words or ())


def read_settings(words: Iterable[str] | None) -> dict[tuple[str, str], str]:
    """Return values by service and key (UsageError: not of the form SERVICE.KEY=VALUE)."""
    return dict(_setting(word) for word in words or ())


def read_sweeps(words: Iterable[str]) -> tuple["Sweep", ...]:
    """Return the sweeps (UsageError: a word is not of the form KEY=VALUE,VALUE,…)."""
    from harness.scenario.sweeps import check_keys

    found = tuple(map(_sweep, words))
    try:
        return check_keys(found)
    except ValueError as error:
        raise UsageError(f"--sweep: {error}", "leave out the others") from error


def read_variants(words: Iterable[str] | None) -> list["str | Variant"]:
    """Return names, and the variants that are defined (UsageError: a word is neither)."""
    return [_variant(word) if "=" in word else word for word in words or ()]


def _variant(word: str) -> "Variant":
    from harness.campaign.variants import Variant
    from harness.scenario.variant_tables import check_name

    name, _, rest = word.partition("=")
    approach, *changes = rest.split(",")
    scale: dict[str, int] = {}
    settings: dict[tuple[str, str], str] = {}
    for change in changes:
        if match := _SCALE.fullmatch(change):
            scale[match[1]] = int(match[2])
        elif match := _SETTING.fullmatch(change):
            settings[match[1], match[2]] = match[3]
        else:
            raise UsageError(
                f"--variant {word}: {change!r} is neither SERVICE.KEY=VALUE nor SERVICE=N",
                "for example --variant 'sync-300=sync,api.THREADS=300'",
            )
    try:
        return Variant(check_name(name), approach, scale=scale, settings=settings)
    except ValueError as error:
        raise UsageError(
            f"--variant {word}: {error}",
            "the form is NAME=APPROACH[,SERVICE.KEY=VALUE|SERVICE=N …]",
        ) from error


def _sweep(word: str) -> "Sweep":
    from pydantic import ValidationError

    from harness.scenario.sweeps import Sweep

    key, _, listed = word.partition("=")
    values = [_value(one.strip()) for one in listed.split(",")] if listed else []
    try:
        return Sweep.model_validate({"key": key, "values": values})
    except ValidationError as invalid:
        error = invalid.errors()[0]
        raise UsageError(
            f"--sweep {word}: {error.get('ctx', {}).get('error', error['msg'])}",
            "for example --sweep payment-worker.replicas=1,2,3",
        ) from invalid


def _value(word: str) -> "Value":
    """Return a number as TOML has it, or the word itself."""
    for number in (int, float):
        try:
            return number(word)
        except ValueError:
            continue
    return word


def _scale(word: str) -> tuple[str, int]:
    match = _SCALE.fullmatch(word)
    if match is None:
        raise UsageError(
            f"--scale {word}: not of the form SERVICE=N", "for example --scale payment-worker=2"
        )
    return match[1], int(match[2])


def _setting(word: str) -> tuple[tuple[str, str], str]:
    match = _SETTING.fullmatch(word)
    if match is None:
        raise UsageError(
            f"--set {word}: not of the form SERVICE.KEY=VALUE",
            "for example --set payment-worker.CONCURRENCY=10",
        )
    return (match[1], match[2]), match[3]
