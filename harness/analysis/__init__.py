"""Numbers from runs: estimates with intervals, comparisons, laws, series. Pure; scipy lives here.

See docs/methodology.md for what each number means. The statistics are checked by simulation in
tests/statistical.
"""

from harness.analysis.laws import check_laws
from harness.analysis.metrics import METRICS
from harness.analysis.series import series
from harness.analysis.summary import schema, summarise
from harness.analysis.validity import validity

__all__ = ["METRICS", "check_laws", "schema", "series", "summarise", "validity"]
