"""What a gate was asked, written down before its first run, so that it can be resumed.

<folder of the gate>/plan.json has what is compared with what, by which criteria, and the digests of
both sides: runs of other sources are never mixed with those that are there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from harness.analysis import METRICS
from harness.errors import UsageError
from harness.gate.result import Side
from harness.gate.settings import Criterion, Settings
from harness.results.store import read_json, write_json
from harness.scenario.model import Scenario, load_scenario
from harness.topology import discover

SCHEMA_VERSION = 2
_PLAN = "plan.json"

Mode = Literal["base", "baseline"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a gate is asked: `against` is a revision, or the path of a stored baseline.

    No `approaches` means the defaults that both sides have.
    """

    mode: Mode
    against: str
    settings: Settings
    scenario: Scenario
    contention: Scenario | None
    approaches: tuple[str, ...]
    created_at: str
    is_new: bool = True

    def begin(self, out: Path, sides: Mapping[str, Side]) -> None:
        """Write the plan down, or, if it was read, check that it still holds.

        Raises UsageError if the folder cannot be written, or a side is not what it was.
        """
        if self.is_new:
            _write(self, out, sides)
        else:
            _check_unchanged(out, sides)


def refuse_taken(out: Path) -> None:
    """Raise UsageError if a folder holds a gate already; one that measured nothing is none."""
    if (out / _PLAN).exists():
        raise UsageError(
            f"{out} holds a gate already", "continue it with --resume, or choose another --out"
        )


def is_answered(out: Path) -> bool:
    """Return True if a gate has ended in a folder with an answer; one that was refused has none."""
    return all((out / name).exists() for name in (_PLAN, "gate.json"))


def new(
    root: Path, mode: Mode, against: str, settings: Settings, approaches: tuple[str, ...]
) -> Plan:
    """Return the plan of a gate that begins now (UsageError: its scenarios cannot be used)."""
    _check_approaches(settings, root)
    scenario = load_scenario(settings.scenario, root)
    if scenario.contention is not None or scenario.cases:
        what = "contention test" if scenario.contention is not None else "cases"
        raise UsageError(
            f"{settings.scenario}: {what}: its runs are not ranked, so nothing can be compared",
            "give the gate a scenario of stages, or of an open load",
        )
    if scenario.sweep:
        raise UsageError(
            f"{settings.scenario}: sweep: a gate compares two revisions of one system each",
            "give the gate a scenario without [[sweep]]",
        )
    contention = load_scenario(settings.contention, root) if settings.contention else None
    if contention is not None and contention.contention is None:
        raise UsageError(
            f"{settings.contention}: there is no [contention] in it",
            "name a contention test, or leave it out",
        )
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Plan(mode, against, settings, scenario, contention, approaches, at)


def _check_approaches(settings: Settings, root: Path) -> None:
    known = discover(root)
    for criterion in settings.criteria:
        for name in criterion.approach:
            if name not in known:
                raise UsageError(
                    f"metrics.{criterion.metric.id}.approach.{name}: there is no such approach",
                    f"known approaches: {', '.join(known)}",
                )


def _write(plan: Plan, out: Path, sides: Mapping[str, Side]) -> None:
    write_json(out / _PLAN, _document(plan, sides))


def read(out: Path) -> Plan:
    """Read the plan of a gate that was begun (UsageError: there is none)."""
    content = _content(out)
    contention = content["contention"]
    return Plan(
        mode=content["mode"],
        against=content["against"],
        settings=_settings(content["settings"]),
        scenario=Scenario.model_validate(content["scenario"]),
        contention=None if contention is None else Scenario.model_validate(contention),
        approaches=tuple(content["approaches"]),
        created_at=content["created_at"],
        is_new=False,
    )


def _check_unchanged(out: Path, sides: Mapping[str, Side]) -> None:
    for name, known in _content(out)["sides"].items():
        found = asdict(sides[name])
        if any(found[key] != known[key] for key in ("sources", "lock")):
            raise UsageError(
                f"{name} is not what it was when {out} was begun",
                "restore it, or begin a new gate: runs of different sources cannot be mixed",
            )


def _content(out: Path) -> dict[str, Any]:
    content = read_json(out / _PLAN)
    if content.get("schema_version") != SCHEMA_VERSION:
        raise UsageError(
            f"{out / _PLAN}: schema_version is {content.get('schema_version')!r}, "
            f"this harness reads {SCHEMA_VERSION}",
            "begin a new gate",
        )
    return content


def _document(plan: Plan, sides: Mapping[str, Side]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "mode": plan.mode,
        "against": plan.against,
        "settings": {
            "scenario": plan.settings.scenario,
            "contention": plan.settings.contention,
            "criteria": [_criterion(one) for one in plan.settings.criteria],
        },
        "scenario": plan.scenario.model_dump(mode="json"),
        "contention": None if plan.contention is None else plan.contention.model_dump(mode="json"),
        "approaches": list(plan.approaches),
        "created_at": plan.created_at,
        "sides": {name: asdict(side) for name, side in sides.items()},
    }


def _settings(content: Mapping[str, Any]) -> Settings:
    criteria = tuple(
        Criterion(**{**one, "metric": METRICS[one["metric"]]}) for one in content["criteria"]
    )
    return Settings(content["scenario"], content["contention"], criteria)


def _criterion(one: Criterion) -> dict[str, Any]:
    return {**asdict(one), "metric": one.metric.id}
