"""The report as it is seen: complete, accessible, in both themes, on a desk, a phone, on paper."""

import pytest

from tests.browser.viewer import NARROW_PX, WIDE_PX, view

pytestmark = pytest.mark.slow


@pytest.fixture(params=["compared", "oversold", "cases", "contention"])
def page(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(("width", "dark"), [(WIDE_PX, False), (NARROW_PX, True)])
def test_the_page_is_drawn_and_fits_and_asks_nobody(browser, page, width, dark):
    with view(browser, page, width=width, dark=dark) as seen:
        assert seen.page.locator(".live").count() == len(seen.charts()) > 0
        assert seen.overflow_px == 0
        seen.unfold()
        assert seen.overflow_px == 0
        assert seen.errors == []
        assert seen.requests == []


@pytest.mark.parametrize(
    ("name", "width", "dark"),
    [
        ("compared", WIDE_PX, False),
        ("oversold", NARROW_PX, True),
        ("cases", NARROW_PX, False),
        ("contention", WIDE_PX, True),
    ],
)
def test_the_page_shuts_nobody_out(browser, request, name, width, dark):
    with view(browser, request.getfixturevalue(name), width=width, dark=dark) as seen:
        if name != "oversold":  # the same page as "compared": unfolded once is enough
            seen.unfold()
        assert seen.violations() == []


@pytest.mark.parametrize("dark", [False, True])
def test_lines_are_drawn_in_the_colours_of_the_theme(browser, compared, dark):
    with view(browser, compared, dark=dark) as seen:
        for chart in seen.charts():
            # Where the approaches do alike, the second hides the first; a heat map has a median.
            assert sum(chart.pixels(role) for role in ("variant-1", "variant-2", "ink")) > 100
        for role in ("variant-1", "variant-2"):
            assert seen.chart("latency").pixels(role) > 100


def test_the_theme_can_be_chosen(browser, compared):
    with view(browser, compared) as seen:
        background = "getComputedStyle(document.body).backgroundColor"
        light = seen.page.evaluate(background)
        seen.page.get_by_label("Theme").select_option("dark")
        assert seen.page.evaluate(background) != light
        assert seen.chart("confirmed").pixels("variant-2") > 100  # of the dark palette
        seen.page.get_by_label("Theme").select_option("light")
        assert seen.page.evaluate(background) == light


def test_paper_shows_the_drawings_in_the_light_theme(browser, compared):
    with view(browser, compared, dark=True) as seen:
        assert not seen.page.locator(".figure svg").first.is_visible()
        seen.page.emulate_media(media="print", color_scheme="dark")
        drawings = seen.page.locator(".figure .drawings svg")
        assert all(drawing.is_visible() for drawing in drawings.all())
        assert not any(live.is_visible() for live in seen.page.locator(".live").all())
        background = "getComputedStyle(document.body).backgroundColor"
        assert seen.page.evaluate(background) == "rgb(255, 255, 254)"


def test_paper_is_unfolded_and_then_folded_again(browser, compared):
    with view(browser, compared) as seen:
        folded = seen.page.locator("details:not([open])")
        before = folded.count()
        seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert folded.count() == 0
        seen.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert folded.count() == before > 0


def test_without_script_the_page_says_the_same(browser, compared):
    with view(browser, compared, script=False) as seen:
        assert all(d.is_visible() for d in seen.page.locator(".figure .drawings svg").all())
        for control in (".theme", ".toolbar", ".live"):
            assert not seen.page.locator(control).first.is_visible()
        assert seen.page.locator("figcaption").count() == seen.page.locator(".figure").count()


def test_the_first_tab_skips_to_the_numbers(browser, compared):
    with view(browser, compared) as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.locator(".skip").evaluate("e => e === document.activeElement")
        assert seen.page.locator(".skip").bounding_box()["x"] >= 0
        seen.page.keyboard.press("Enter")
        assert seen.page.url.endswith("#comparison")


def test_offending_orders_are_unfolded_and_what_passed_is_not(browser, oversold):
    with view(browser, oversold) as seen:
        failed, passed = seen.page.locator(".invariant").all()[:2]
        assert failed.locator("pre").is_visible()
        assert "order-51" in failed.locator("pre").inner_text()
        assert not passed.locator("table").is_visible()
