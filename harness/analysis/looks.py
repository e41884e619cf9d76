"""When enough blocks have been run: a campaign looks after 3, 5 and 8, until all is decided.

Looking again and again until something is found finds too much. So the number of looks and the
metrics that count are declared beforehand, and each look decides with a third of the error that
one look may have (Bonferroni): over all looks an interval of a metric misses the truth in at most
5 % of campaigns. The order of the runs is drawn for all 8 blocks at once; stopping only cuts it.

More blocks are run only for what is *not decided*. What cannot be compared (a variant that is
not ranked, a percentile that a run does not support) more blocks would not make comparable.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from harness.analysis.comparison import Side, compare
from harness.analysis.metric import Listing
from harness.analysis.metrics import METRICS, listed
from harness.analysis.outcomes import Outcome

AFTER_BLOCKS: Final = (3, 5, 8)
CONFIDENCE: Final = 1 - 0.05 / len(AFTER_BLOCKS)
PRIMARY: Final = listed(Listing.PRIMARY)
"""The metrics that a campaign must decide; all others are shown, and nothing waits for them."""

NOT_COMPARABLE: Final = (Outcome.INCOMPARABLE, Outcome.INVALID)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a contender in one metric."""

    baseline: str
    contender: str
    metric: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Look:
    """What the first `blocks` blocks decide, with `confidence` of each interval."""

    blocks: int
    decisions: tuple[Decision, ...]
    confidence: float = CONFIDENCE

    @property
    def is_decided(self) -> bool:
        """Return True if more blocks would decide nothing."""
        return not self._of(Outcome.UNDECIDED)

    @property
    def words(self) -> str:
        """Return what is decided and what is not, in a line."""
        open_ones = self._of(Outcome.UNDECIDED)
        incomparable = self._of(*NOT_COMPARABLE)
        parts = [f"not decided: {_titles(open_ones)}"] if open_ones else []
        parts += [f"not comparable: {_titles(incomparable)}"] if incomparable else []
        return "; ".join(parts) or "all decided"

    def _of(self, *outcomes: Outcome) -> list[Decision]:
        return [one for one in self.decisions if one.outcome in outcomes]

    def as_json(self) -> dict[str, Any]:
        """Return the look as a campaign records it."""
        return asdict(self)

    @staticmethod
    def of_json(content: Mapping[str, Any]) -> "Look":
        """Return the look that a campaign has recorded."""
        return _LOOK.validate_python(content)


_LOOK = TypeAdapter(Look)


def look(summary: Mapping[str, Any], blocks: int) -> Look:
    """Decide every primary metric of every variant against the baseline, the first of them."""
    decisions = []
    one, *others = summary["variants"]
    for other in others:
        for metric in PRIMARY:
            found = compare(METRICS[metric], _side(one, metric), _side(other, metric), CONFIDENCE)
            decisions.append(Decision(one["name"], other["name"], metric, found.outcome))
    return Look(blocks, tuple(decisions))


def is_undecided(campaign: Mapping[str, Any]) -> bool:
    """Return True if a campaign took all its looks, and something is still not decided."""
    taken = campaign.get("looks", {}).get("taken", ())
    last = Look.of_json(taken[-1]) if taken else None
    return last is not None and last.blocks == AFTER_BLOCKS[-1] and not last.is_decided


def progress_text(campaign: Mapping[str, Any]) -> str:
    """Return how far a campaign came by its looks; nothing if its number of runs was fixed."""
    if "looks" not in campaign:
        return ""
    most = campaign["looks"]["after_blocks"][-1]
    taken = [Look.of_json(content) for content in campaign["looks"]["taken"]]
    if not taken:
        return f"at most {most} blocks; no look was taken yet"
    last = taken[-1]
    far = f"{last.blocks} of at most {most} blocks; "
    if last.is_decided:
        return f"{far}decided after look {len(taken)}" + _exceptions(last)
    state = "" if last.blocks == most else "so far "
    return f"{far}{state}{last.words} (look {len(taken)})"


def _exceptions(last: Look) -> str:
    return "" if last.words == "all decided" else f", but {last.words}"


def _side(variant: Mapping[str, Any], metric: str) -> Side:
    """Return one variant of a summary, as the comparison takes it."""
    values = variant["metrics"][metric]["per_run"]
    runs = variant["runs"]
    return Side(
        name=variant["name"],
        by_block={
            run["block"]: value for run, value in zip(runs, values, strict=True) if run["counted"]
        },
        is_ranked=variant["ranked"],
        is_valid=any(run["valid"] for run in runs),
    )


def _titles(decisions: list[Decision]) -> str:
    """Return the metrics of some decisions, each once, by their titles."""
    return ", ".join(dict.fromkeys(METRICS[one.metric].title for one in decisions))
