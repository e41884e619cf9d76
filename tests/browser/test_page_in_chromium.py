"""The report as it is seen: complete, accessible, in both themes, on a desk, a phone, on paper."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.viewer import NARROW_PX, WIDE_PX, view

pytestmark = pytest.mark.slow

PAGES = 12
"""The most sheets of A4 that a comparison may take."""


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
        drawings = seen.page.locator(".figure .drawings > div:first-child svg")
        assert all(drawing.is_visible() for drawing in drawings.all())
        assert not any(live.is_visible() for live in seen.page.locator(".live").all())
        background = "getComputedStyle(document.body).backgroundColor"
        assert seen.page.evaluate(background) == "rgb(255, 255, 254)"


def test_paper_is_short_and_what_is_folded_stays_folded(browser, compared):
    with view(browser, compared) as seen:
        pdf = seen.page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) <= PAGES
        seen.page.emulate_media(media="print")
        assert not seen.page.locator(".figure .take").first.is_visible()
        assert not seen.page.locator("#comparison details table").first.is_visible()


def test_a_phone_shows_the_answer_and_both_sides_on_its_first_screen(browser, compared):
    with view(browser, compared, width=NARROW_PX) as seen:
        for what in ("h1", ".badges", ".keys tr:nth-child(1) td", ".keys tr:nth-child(2) td"):
            box = seen.page.locator(f"header {what}").last.bounding_box()
            assert box["y"] + box["height"] <= 844
            assert box["x"] + box["width"] <= NARROW_PX


def test_a_desk_shows_answer_verdicts_machine_numbers_and_picture_on_its_first_screen(
    browser, compared
):
    with view(browser, compared, width=WIDE_PX) as seen:
        for what in ("h1", ".badges", ".measured", ".keys", ".hero .canvas"):
            box = seen.page.locator(f"header {what}").last.bounding_box()
            assert box["y"] + box["height"] <= 900


def test_the_contents_stay_in_view_and_show_where_the_reader_is(browser, compared):
    with view(browser, compared) as seen:
        seen.page.locator(".contents").get_by_role("link", name="Audit", exact=True).click()
        here = seen.page.locator(".contents [aria-current]")
        expect(here).to_have_text("Audit")
        expect(here).to_be_in_viewport()


def test_the_name_of_a_metric_unfolds_its_definition(browser, compared):
    with view(browser, compared) as seen:
        definition = seen.page.locator("#metric-confirmed_orders")
        assert not definition.is_visible()
        seen.page.locator("#comparison").get_by_role("link", name="Confirmed orders").first.click()
        expect(definition).to_be_in_viewport()


@pytest.mark.parametrize(("kind", "begins"), [("PNG", b"\x89PNG"), ("SVG", b"<svg")])
def test_a_figure_is_taken_along_as_a_picture(browser, compared, kind, begins):
    with view(browser, compared) as seen:
        with seen.page.expect_download() as waited:
            seen.page.locator("#figure-latency .take").get_by_text(kind, exact=True).click()
        assert waited.value.suggested_filename == f"latency-compared.{kind.lower()}"
        taken = Path(waited.value.path()).read_bytes()
        assert taken.startswith(begins)
        assert b"var(--" not in taken  # colours are those of the light theme, by their values
        assert ("Latency over time · ".encode() in taken) == (kind == "SVG")
        assert seen.errors == []


def test_a_table_is_copied_as_markdown(browser, compared):
    with view(browser, compared) as seen:
        seen.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        take = seen.page.locator("#comparison .take").first
        take.get_by_role("button", name="Copy").focus()
        seen.page.keyboard.press("Enter")
        expect(take.get_by_role("button")).to_have_text("Copied")
        text = seen.page.evaluate("navigator.clipboard.readText()")
        assert "| Metric | Synchronous | Queue + workers |\n| --- | ---: | ---: |" in text
        assert "| Confirmed orders | " in text
        assert take.get_by_role("link").get_attribute("href") == "tables/main.csv"


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
