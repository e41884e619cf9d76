"""A stored baseline: what comparing needs of a campaign, in one file that a repository can keep.

Milliseconds of two machines say nothing about each other, so the file has none. It has how the
approaches compare with each other, block by block: ratios, and for percentages differences in
points. Head's must be no worse: what slows both alike is not seen, nor what slows the one that
the ratio divides by. The comparison is not paired, because the blocks of the two were
measured on different days (Welch's t, see `rule`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from harness.analysis import METRICS, Stored, derived, different_schemas
from harness.analysis.campaigns import by_block, is_contested
from harness.analysis.comparability import invalid_runs, workload_differences
from harness.analysis.metric import Metric
from harness.errors import NotComparable, UsageError
from harness.gate.result import Row
from harness.gate.rule import judge_unpaired
from harness.gate.settings import Criterion
from harness.results.store import read_json, write_json
from harness.results.versions import upgrade_campaign
from harness.scenario.schema import SchemaModel, Text, explain

SCHEMA_VERSION: Final = 1
FORMAT: Final = "flashsale-harness baseline"
_MAKE_ONE = "make one of a campaign of the gate's scenario: harness baseline CAMPAIGN"
RATIO_DIGITS = 2
_BY = " ÷ "

Change = float | None


class Changes(SchemaModel):
    """A metric of one approach against another's, block by block; null where there is none.

    `ratios` are null unless both values are positive; only a percentage has differences, `points`.
    """

    ratios: list[Change]
    points: list[Change]


class CampaignSpec(SchemaModel):
    """What the campaign asked of which systems, on which machine: its campaign.json, in parts."""

    schema_version: int
    created_at: Text
    runtime: Text
    variants: list[dict[str, Any]]
    baseline: str
    seed: int
    same_seed: bool = True  # before blocks had seeds of their own, and nothing said so
    scenario: dict[str, Any]
    topologies: dict[str, dict[str, Any]]
    environment: dict[str, Any]


class Baseline(SchemaModel):
    """The whole file; `changes` are by subject (``queue ÷ sync``) and metric."""

    format: Literal["flashsale-harness baseline"]
    schema_version: int
    description: CampaignSpec
    deployments: list[dict[str, Any]]
    changes: dict[str, dict[str, Changes]]


def write(folder: Path, path: Path) -> Baseline:
    """Keep what comparing needs of the campaign in a folder.

    Raises UsageError if the folder holds none, if a run of it is invalid or unclean, or if it has
    nothing to compare: a contention test, the cases of faults, or one approach alone.
    """
    stored = derived.stored(folder)
    if reasons := list(_unfit(folder, stored)):
        raise UsageError(
            f"{folder} cannot be a baseline:\n" + "\n".join(f"- {reason}" for reason in reasons),
            "name a campaign whose runs are all valid and clean",
        )
    asked = {
        key: value for key, value in stored.description.items() if key in CampaignSpec.model_fields
    }
    asked["environment"] = {
        key: value for key, value in asked["environment"].items() if key != "argv"
    }
    images = [{"images": one["images"]} for one in stored.deployments]
    baseline = Baseline(
        format=FORMAT,
        schema_version=SCHEMA_VERSION,
        description=CampaignSpec(**asked),
        deployments=[one for place, one in enumerate(images) if one not in images[:place]],
        changes=changes(stored.summary),
    )
    write_json(path, baseline.model_dump(mode="json"))
    return baseline


def read(path: Path) -> Baseline:
    """Read a stored baseline.

    Raises NotComparable if there is none, or one of another schema; UsageError for another file.
    """
    if not path.exists():
        raise NotComparable(f"there is no baseline {path}", _MAKE_ONE)
    try:
        content = read_json(path)
    except UsageError as error:
        raise UsageError(error.message, _MAKE_ONE) from error
    if content.get("format") != FORMAT:
        raise UsageError(f"{path} is not a baseline: its format is not {FORMAT!r}", _MAKE_ONE)
    if (version := content.get("schema_version")) != SCHEMA_VERSION:
        raise NotComparable(
            f"{path}: schema_version is {version!r}, this harness reads {SCHEMA_VERSION}", _MAKE_ONE
        )
    upgrade_campaign(content["description"], path)
    try:
        return Baseline.model_validate(content)
    except ValidationError as invalid:
        raise explain(path, Baseline, invalid.errors()) from invalid


def check(
    baseline: Baseline,
    criteria: Sequence[Criterion],
    description: Mapping[str, Any],
    deployments: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Raise NotComparable, with every reason, if head cannot be compared with the baseline.

    `description` is head's campaign.json; before its first run there are no `deployments` yet.
    """
    known = baseline.description.model_dump(mode="json")
    reasons = different_schemas(known, description) or [
        *workload_differences(
            Stored(known, {}, baseline.deployments), Stored(description, {}, deployments)
        ),
        *_not_kept(baseline, criteria),
    ]
    if reasons:
        raise NotComparable(
            "head (B) cannot be compared with the baseline (A):\n"
            + "\n".join(f"- {reason}" for reason in reasons),
            "measure a baseline anew: harness run, then harness baseline CAMPAIGN",
        )


def rows(
    criteria: Sequence[Criterion], baseline: Baseline, summary: Mapping[str, Any]
) -> tuple[Row, ...]:
    """Judge every criterion of every pair of approaches, by the valid runs of head's summary."""
    head = changes(summary)
    measured = {one["name"] for one in summary["variants"]}
    return tuple(
        _row(criterion, subject, known[criterion.metric.id], head[subject][criterion.metric.id])
        for subject, known in baseline.changes.items()
        if measured.issuperset(_pair_of(subject))
        for criterion in criteria
    )


def _pair_of(subject: str) -> tuple[str, str]:
    """Return the approaches of a subject: the one that is compared, and with which."""
    second, _, first = subject.partition(_BY)
    return second, first


def changes(summary: Mapping[str, Any]) -> dict[str, dict[str, Changes]]:
    """Return what each approach is against every one before it, block by block."""
    return {
        f"{second['name']}{_BY}{first['name']}": {
            metric.id: _changes(metric, first, second)
            for metric in METRICS.values()
            if is_contested(metric) and metric.id in first["metrics"]
        }
        for first, second in combinations(summary["variants"], 2)
    }


def _changes(metric: Metric, first: Mapping[str, Any], second: Mapping[str, Any]) -> Changes:
    before, after = by_block(first, metric.id), by_block(second, metric.id)
    pairs = [(before[block], after[block]) for block in sorted(set(before) & set(after))]
    return Changes(
        ratios=[y / x if x and y and min(x, y) > 0 else None for x, y in pairs],
        points=[None if x is None or y is None else y - x for x, y in pairs]
        if metric.unit == "%"
        else [],
    )


def _row(criterion: Criterion, subject: str, known: Changes, found: Changes) -> Row:
    """Judge one criterion; its limit is of one machine's own units, so it does not apply.

    A ratio is as noisy as the noisier of its approaches.
    """
    both = [criterion.of(approach) for approach in _pair_of(subject)]
    unlimited = replace(max(both, key=lambda one: one.worse), limit=None)
    if criterion.points is not None:
        return judge_unpaired(unlimited, subject, known.points, found.points)
    row = judge_unpaired(unlimited, subject, known.ratios, found.ratios)
    return replace(row, unit="", digits=RATIO_DIGITS)


def _unfit(folder: Path, stored: Stored) -> Iterator[str]:
    if stored.is_contention_test or stored.description.get("cases"):
        yield "its runs are not ranked, so nothing of them can be compared"
        return
    yield from invalid_runs(stored.summary)
    if len(stored.description["variants"]) < 2:
        yield "it measured one approach, so there is no ratio between two"
    blocks = {run["block"] for one in stored.summary["variants"] for run in one["runs"]}
    if len(blocks) < 2:
        yield "it has fewer than two blocks, so nothing is known of how they vary"


def _not_kept(baseline: Baseline, criteria: Iterable[Criterion]) -> Iterator[str]:
    """Yield the criteria that a baseline cannot answer."""
    for criterion in criteria:
        metric = criterion.metric
        if any(metric.id not in kept for kept in baseline.changes.values()):
            yield f"metrics.{metric.id}: the baseline does not have it"
        elif criterion.points is not None and metric.unit != "%":
            yield f"metrics.{metric.id}.points: in {metric.unit or 'numbers'}, not in ratios"
