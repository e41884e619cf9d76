"""What the faults of a run excuse, and until when: nothing else, and nothing in a run without.

Almost every invariant stays as it is: a shop that is killed may answer nothing, but it may not
sell a unit twice. What is excused are stamps (a process that is stopped in the middle of something
goes on with an old reading of the clock), changes that could not spread, and requests that were
counted twice because the first server died, or was partitioned, before it answered.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.results.outages import Outage

Times = npt.NDArray[np.int64]


def no_later_than(at_ns: Times, slack_ns: int, faults: tuple[Outage, ...]) -> Times:
    """Return since when a transaction may have been open that others overtook until `at_ns`.

    That is `slack_ns` before; but one that a pause or a cut network held up was begun as much
    before that.
    """
    early_ns = at_ns - slack_ns
    for fault in reversed(faults):
        if fault.declared.holds_up:
            held_up = (at_ns > fault.begun_ns) & (early_ns < fault.over_ns)
            early_ns = np.where(held_up, np.minimum(early_ns, fault.begun_ns - slack_ns), early_ns)
    return early_ns


def no_sooner_than(
    at_ns: Times, slack_ns: int, recovery_ns: int, faults: tuple[Outage, ...]
) -> Times:
    """Return when everybody must have learnt of what happened at `at_ns`.

    That is `slack_ns` later; but if a fault came in between, `recovery_ns` after it was over.
    """
    late_ns = at_ns + slack_ns
    for fault in faults:
        held_up = (late_ns > fault.begun_ns) & (at_ns < fault.over_ns)
        late_ns = np.where(held_up, np.maximum(late_ns, fault.over_ns + recovery_ns), late_ns)
    return late_ns


def under_way(requests: pd.DataFrame, faults: tuple[Outage, ...]) -> "pd.Series[bool]":
    """Return which requests were under way at some moment of a fault."""
    hit = pd.Series(False, index=requests.index)
    for fault in faults:
        hit |= (requests["sent_ns"] <= fault.over_ns) & (requests["done_ns"] >= fault.begun_ns)
    return hit
