"""The page of a history as it is seen: it fits, shuts nobody out, asks nobody, in both themes."""

import pytest

from harness.analysis import derived
from report import history
from tests.browser.viewer import NARROW_PX, WIDE_PX, view
from tests.support.nightly import night, slower, spoil, store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(executable, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nightly")
    for at in range(26):
        one = spoil(slower(at, 20)) if at == 7 else slower(at, 20)
        store(folder / f"night-{at:02d}", one)
    store(folder / "other", night(3, changes={"seed": 7}))
    return history.publish(derived.history(folder), folder / "history")


@pytest.mark.parametrize(("width", "dark"), [(WIDE_PX, False), (NARROW_PX, True)])
def test_it_fits_and_shuts_nobody_out_and_asks_nobody(browser, page, width, dark):
    with view(browser, page, width=width, dark=dark) as seen:
        assert all(drawing.is_visible() for drawing in seen.page.locator(".figure svg").all())
        assert seen.overflow_px == 0
        seen.unfold()
        assert seen.overflow_px == 0
        assert seen.violations() == []
        assert (seen.errors, seen.requests) == ([], [])


def test_panels_are_aligned_and_of_one_size(browser, page):
    with view(browser, page) as seen:
        rows = [
            [drawing.bounding_box() for drawing in row.locator("svg").all()]
            for row in seen.page.locator(".trend").all()
        ]
        assert {len(row) for row in rows} == {2, 3}  # an error rate of zero has no ratio
        boxes = [box for row in rows for box in row]
        assert len({(round(box["width"]), round(box["height"])) for box in boxes}) == 1
        assert len({round(row[1]["x"]) for row in rows}) == 1


def test_the_theme_can_be_chosen_and_paper_is_light_and_short(browser, page):
    with view(browser, page) as seen:
        background = "getComputedStyle(document.body).backgroundColor"
        light = seen.page.evaluate(background)
        seen.page.get_by_label("Theme").select_option("dark")
        assert seen.page.evaluate(background) != light
        seen.page.emulate_media(media="print")
        assert seen.page.evaluate(background) == light
        assert seen.page.locator(".trend svg").first.is_visible()
        assert not seen.page.locator(".trend details").first.is_visible()


def test_without_script_it_says_the_same(browser, page):
    with view(browser, page, script=False, dark=True) as seen:
        assert "worse since 2026-09-21" in seen.page.locator("h1").inner_text()
        assert seen.page.locator(".trend svg").first.is_visible()
        assert not seen.page.locator(".theme").is_visible()
