"""The interactive charts do what a reader tries: hover, zoom, switch lines, also without mouse."""

import re

import pytest

from tests.browser.viewer import view

pytestmark = pytest.mark.slow


def test_hovering_shows_the_values_at_that_time(browser, compared):
    with view(browser, compared) as seen:
        chart = seen.chart("confirmed")
        assert "Point for values" in chart.reading
        assert chart.values == []
        chart.hover(0.5)
        at_s = float(re.match(r"([\d.]+) s · stage \d", chart.reading)[1])
        sync, queue = (float(value.replace(",", "")) for value in chart.values)
        trace = seen.page.evaluate(
            "JSON.parse(document.getElementById('data-confirmed').textContent)"
        )
        place = trace["x"].index(at_s)
        read = [t["middle"][place] for t in trace["traces"]]
        assert [sync, queue] == pytest.approx(read, abs=0.5)
        assert "run 1" in chart.figure.locator(".legend").inner_text()


def test_hovering_over_a_distribution_shows_percentiles(browser, compared):
    with view(browser, compared) as seen:
        chart = seen.chart("purchase-distribution")
        chart.hover(0.3)
        assert re.match(r"percentile [\d.]+", chart.reading)
        assert len(chart.values) == 2


def test_dragging_zooms_all_charts_over_time_and_a_double_click_shows_all(browser, compared):
    with view(browser, compared) as seen:
        chart, other = seen.chart("latency"), seen.chart("users")
        distribution = seen.chart("purchase-distribution")
        chart.drag(0.5, 0.75)
        assert chart.zoomed
        assert other.zoomed
        assert not distribution.zoomed
        chart.hover(0.01)
        assert float(re.match(r"([\d.]+) s", chart.reading)[1]) > 5  # its left edge is later now
        chart.over.dblclick()
        assert not chart.zoomed
        assert not other.zoomed


def test_buttons_zoom_for_those_who_cannot_drag(browser, compared):
    with view(browser, compared) as seen:
        chart = seen.chart("purchase-distribution")
        into, out, whole = chart.figure.locator(".zoom button").all()
        into.click()
        assert chart.zoomed
        out.click()
        assert not chart.zoomed
        into.click()
        whole.click()
        assert not chart.zoomed


def test_a_focused_chart_is_read_and_zoomed_with_keys(browser, compared):
    with view(browser, compared) as seen:
        chart = seen.chart("backlog")
        chart.canvas.focus()
        assert "Keys: " in chart.reading
        said = seen.page.locator("[role=status]")
        seen.page.keyboard.press("Home")
        first = said.inner_text()
        assert re.match(r"0\.5 s · stage 1 warm-up; Synchronous, open orders \d+; Queue", first)
        seen.page.keyboard.press("Shift+ArrowRight")
        assert said.inner_text().startswith("10.5 s")
        seen.page.keyboard.press("+")
        assert chart.zoomed
        seen.page.keyboard.press("0")
        assert not chart.zoomed
        seen.page.keyboard.press("ArrowLeft")
        assert said.inner_text().startswith("9.5 s")


def test_lines_are_switched_off_and_on(browser, compared):
    with view(browser, compared) as seen:
        chart = seen.chart("confirmed")
        button = chart.figure.locator(".legend button").first
        assert button.get_attribute("aria-pressed") == "true"
        button.click()
        assert button.get_attribute("aria-pressed") == "false"
        assert (chart.pixels("variant-1"), chart.pixels("variant-2") > 100) == (0, True)
        button.click()
        assert chart.pixels("variant-1") > 100


def test_approaches_and_runs_are_switched_for_all_graphs(browser, compared):
    with view(browser, compared) as seen:
        charts = [seen.chart(name) for name in ("latency", "users", "purchase-distribution")]
        toolbar = seen.page.locator("#graphs .toolbar")
        toolbar.get_by_label("Synchronous").uncheck()
        assert [chart.pixels("variant-1") for chart in charts] == [0, 0, 0]
        assert all(chart.pixels("variant-2") > 100 for chart in charts)
        toolbar.get_by_label("2", exact=True).uncheck()
        charts[1].hover(0.5)
        legend = charts[1].figure.locator(".legend").inner_text()
        assert "run 4" in legend
        assert "run 2" not in legend
        assert seen.chart("confirmed").pixels("variant-1") > 100  # not one of the graphs


def test_faults_are_marked_and_read(browser, compared):
    with view(browser, compared) as seen:
        chart = seen.chart("latency")
        assert chart.pixels("fault") > 500
        chart.hover(0.25)
        assert "kill postgres 1" in chart.reading


def test_a_case_shows_its_own_run_with_its_faults(browser, cases):
    with view(browser, cases) as seen:
        faulty, steady = seen.charts()[:2]
        assert faulty.pixels("fault") > 500
        assert steady.pixels("fault") == 0
        assert not seen.page.locator(".toolbar").is_visible()  # every case has runs of its own


def test_a_fast_oversell_is_hatched_and_said_to_be_unranked(browser, oversold):
    with view(browser, oversold) as seen:
        chart = seen.chart("confirmed")
        honest, hatched = chart.pixels("variant-1"), chart.pixels("variant-2")
        assert hatched > 3 * honest
        assert "Queue + workers (not ranked)" in chart.figure.locator(".legend").inner_text()


def test_a_line_that_is_off_at_first_can_be_shown_and_is_not_struck_through(browser, compared):
    with view(browser, compared) as seen:
        chart = seen.chart("throughput")
        off = chart.figure.locator('.legend button[aria-pressed="false"]').first
        assert "line-through" not in off.evaluate("e => getComputedStyle(e).textDecorationLine")
        off.click()
        assert chart.figure.locator(".legend button").nth(1).get_attribute("aria-pressed") == "true"


def test_each_variant_has_its_sale_and_its_services(browser, compared):
    with view(browser, compared) as seen:
        chart = seen.chart("sale-queue")
        assert chart.pixels("variant-2") > 100
        assert chart.pixels("variant-1") == 0
        assert "accepted" in chart.figure.locator(".legend").inner_text()
        services = seen.chart("cpu-queue").figure.locator(".legend").inner_text()
        assert "postgres" in services
        assert "load generator" in services


def test_a_heat_map_says_what_is_in_the_cell_that_is_pointed_at(browser, compared):
    with view(browser, compared) as seen:
        chart = seen.chart("purchase-heat-queue")
        assert sum(chart.pixels(f"heat-{step}") for step in range(1, 7)) > 100
        chart.hover(0.3)
        assert re.search(r"(ms|no answer|s · \d+): ?\d+ purchases?$|\d+ purchases?$", chart.reading)
        assert "or more" in chart.figure.locator(".legend").inner_text()


def test_only_what_is_near_the_window_is_drawn(browser, compared):
    with view(browser, compared) as seen:
        first, last = seen.chart("confirmed"), seen.chart("backlog")
        first.show()
        charts = seen.charts()
        assert sum(chart.is_drawn for chart in charts) < len(charts) / 2
        assert not last.is_drawn
        assert last.pixels("variant-2") > 100


def test_what_is_drawn_later_is_zoomed_as_the_others_are(browser, compared):
    with view(browser, compared) as seen:
        first, last = seen.chart("confirmed"), seen.chart("backlog")
        first.drag(0.5, 0.75)
        assert not last.is_drawn
        assert last.zoomed


def test_each_of_many_variants_by_itself_is_folded_and_drawn_when_it_is_unfolded(browser, many):
    with view(browser, many) as seen:
        chart = seen.chart("latency-sync-8")
        assert not chart.canvas.is_visible()
        seen.page.locator("#figure-latency > details > summary").last.click()
        chart.show()
        assert "p95" in chart.figure.locator(".legend").inner_text()
        assert seen.overflow_px == 0
        assert seen.errors == []
