"""Whether a campaign can judge what its scenario expects: variants, metrics, invariants exist."""

import difflib
from collections.abc import Collection, Sequence

from harness.analysis import METRICS
from harness.audit import INVARIANTS
from harness.errors import UsageError
from harness.scenario.expectations import Expectation


def check_expectations(
    expectations: Sequence[Expectation], variants: Collection[str], source: str
) -> None:
    """Raise UsageError, by key and value, for what an expectation names and is not there."""
    invariants = [one.id for one in INVARIANTS]
    for number, one in enumerate(expectations, start=1):
        place = f"{source}: expectations[{number}]"
        for key, name, known in (
            ("of", one.of, variants),
            ("over", one.over, variants),
            ("metric", one.metric, METRICS),
            ("audit", one.audit, invariants),
        ):
            if name is not None and name not in known:
                raise UsageError(f'{place}.{key} = "{name}": {_MISSING[key]}', _near(name, known))


_OF_THE_CAMPAIGN = "no variant of this campaign has this name"
_MISSING = {
    "of": _OF_THE_CAMPAIGN,
    "over": _OF_THE_CAMPAIGN,
    "metric": "there is no such metric",
    "audit": "there is no such invariant",
}


def _near(name: str, known: Collection[str]) -> str:
    """Return what may have been meant, and what else there is."""
    found = difflib.get_close_matches(name, known, n=1)
    guess = f"did you mean {found[0]}? " if found else ""
    return f"{guess}known: {', '.join(known)}"
