"""The kept report of the published load: small, soon there, and short on paper."""

import re

import pytest

from tests.browser.viewer import view
from tests.support.fake_harness import ROOT

pytestmark = pytest.mark.slow

KEPT = ROOT / "results/reference/report/index.html"
MOST_BYTES = 1_000_000
SHEETS = 12
"""The most sheets of A4 that it may take."""
AT_FIRST = 4
"""The most charts that are drawn before the reader scrolls: how many there are costs nothing."""


def test_it_is_small_and_asks_nobody_and_draws_at_first_what_is_near(browser):
    assert KEPT.stat().st_size <= MOST_BYTES
    with view(browser, KEPT) as seen:
        seen.chart("confirmed").show()
        charts = seen.charts()
        assert 0 < sum(chart.is_drawn for chart in charts) <= AT_FIRST < len(charts)
        assert seen.overflow_px == 0
        assert (seen.errors, seen.requests) == ([], [])


def test_it_takes_few_sheets_of_paper(browser):
    with view(browser, KEPT) as seen:
        pdf = seen.page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) <= SHEETS
