"""The long sale that reports are timed with is a sale: every law holds for it."""

from harness.analysis import check_laws
from harness.results.findings import Verdict
from tests.support.long_sale import long_run


def test_a_long_sale_obeys_every_law():
    run = long_run(20_000, users=100)
    assert len(run.requests) == 20_000
    assert [law for law in check_laws(run) if law.verdict is not Verdict.PASS] == []
