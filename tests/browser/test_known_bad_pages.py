"""Each thing that the tests of the page look for is found where it is."""

import pytest

from tests.browser.viewer import chromium, view

pytestmark = pytest.mark.slow


def a_page(folder, body):
    path = folder / "bad.html"
    path.write_text(
        f'<!doctype html><html lang="en"><head><title>Bad</title></head><body><main>{body}</main>'
        "</body></html>",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<img src='data:,'>", "image-alt"),
        ("<h1>T</h1><p style='color: #bbb; background: #fff'>pale</p>", "color-contrast"),
        ("<h1>T</h1><details><summary>more</summary><select></select></details>", "select-name"),
    ],
)
def test_what_shuts_somebody_out_is_found(browser, tmp_path, body, rule):
    with view(browser, a_page(tmp_path, body)) as seen:
        seen.unfold()
        assert any(found.startswith(f"{rule}:") for found in seen.violations())


def test_a_page_that_is_too_wide_is_found(browser, tmp_path):
    with view(browser, a_page(tmp_path, "<div style='width: 500px'>wide</div>"), width=390) as seen:
        assert seen.overflow_px > 0


def test_an_error_of_a_script_is_found(browser, tmp_path):
    with view(browser, a_page(tmp_path, "<script>null.nothing</script>")) as seen:
        assert seen.errors


def test_a_request_to_another_host_is_found_and_refused(browser, tmp_path):
    bad = a_page(tmp_path, "<img alt='' src='http://other.invalid/x.png'>")
    with view(browser, bad) as seen:
        assert seen.requests == ["http://other.invalid/x.png"]


def test_the_policy_of_the_page_stops_what_is_not_the_report_s(browser, compared, tmp_path):
    text = compared.read_text(encoding="utf-8")
    bad = tmp_path / "bad.html"
    smuggled = "<script>document.title = 'ours'</script><img alt='' src='http://other.invalid/'>"
    bad.write_text(text.replace("</main>", f"{smuggled}</main>"), encoding="utf-8")
    with view(browser, bad) as seen:
        assert seen.page.title() != "ours"
        assert seen.requests == []
        assert len([error for error in seen.errors if "Content Security Policy" in error]) == 2


def test_a_chart_that_cannot_be_drawn_leaves_its_drawings(browser, compared, tmp_path):
    text = compared.read_text(encoding="utf-8")
    bad = tmp_path / "bad.html"
    start = text.index('id="data-backlog">') + len('id="data-backlog">')
    bad.write_text(text[:start] + "{" + text[start:], encoding="utf-8")
    with view(browser, bad) as seen:
        assert seen.errors
        figure = seen.page.locator("#figure-backlog")
        assert figure.locator(".drawings svg").first.is_visible()
        assert seen.chart("latency").pixels("variant-1") > 100


def test_without_chromium_the_tests_are_skipped_and_where_it_is_required_they_fail():
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        chromium({}, lambda _: None)
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        chromium({"REQUIRE_CHROMIUM": "1"}, lambda _: None)
    assert chromium({}, lambda name: f"/usr/bin/{name}") == "/usr/bin/chromium"
