"""A report in Chromium, and what can be wrong with it when it is looked at.

The browser is Debian's (`apt-get install chromium`), driven by Playwright; none is downloaded.
Every request that is not for a file, or for the server of the page, is refused and remembered.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Route

WIDE_PX, NARROW_PX, HEIGHT_PX = 1440, 390, 1000
SEVERE = ("serious", "critical")


def chromium(
    environ: Mapping[str, str] = os.environ, which: Callable[[str], str | None] = shutil.which
) -> str:
    """Return where Chromium is; without it skip, or fail where it is required."""
    found = which("chromium")
    if found is None:
        missing = (
            "chromium is not installed: nobody has looked at the report (apt-get install chromium)"
        )
        if environ.get("REQUIRE_CHROMIUM") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@dataclass
class View:
    """A page that is open, and what went wrong with it so far."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def overflow_px(self) -> int:
        """Return by how much the page is wider than the window."""
        root = "document.documentElement"
        return int(self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))

    def unfold(self) -> None:
        """Open everything that can be unfolded."""
        self.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")

    def violations(self) -> list[str]:
        """Return what axe-core finds serious or critical in what is unfolded."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}"
            for one in found
            if one["impact"] in SEVERE
        ]

    def charts(self) -> list["ChartView"]:
        """Return every interactive chart."""
        return [ChartView(self.page, figure) for figure in self.page.locator(".figure.drawn").all()]

    def chart(self, name: str) -> "ChartView":
        """Return the interactive chart of a figure."""
        return ChartView(self.page, self.page.locator(f"#figure-{name}"))


class ChartView:
    """One interactive chart."""

    def __init__(self, page: Page, figure: Any) -> None:
        self.page = page
        self.figure = figure
        own = figure.locator(":scope > .live")  # its multiples have others
        self.canvas = own.locator(".canvas")
        self.over = own.locator(".u-over")

    @property
    def reading(self) -> str:
        """Return what stands below the canvas: where the cursor is."""
        return str(self.figure.locator(".reading").inner_text())

    @property
    def values(self) -> list[str]:
        """Return the values beside the names of the lines."""
        return [text for text in self.figure.locator(".legend .value").all_inner_texts() if text]

    @property
    def is_drawn(self) -> bool:
        """Return True if it was near the window, or needed, before."""
        return bool(self.canvas.locator("canvas").count())

    def show(self) -> None:
        """Bring it into view, where it is drawn."""
        self.canvas.scroll_into_view_if_needed()
        self.canvas.locator("canvas").wait_for()

    @property
    def zoomed(self) -> bool:
        """Return True if not all of the time is in view."""
        self.show()
        return not self.figure.locator(".zoom button").last.is_disabled()

    def pixels(self, role: str) -> int:
        """Return how many pixels of the canvas have the colour of a role of the theme, or nearly:
        a line that is not quite on a pixel, or thin, is paler."""
        self.show()
        return int(self.figure.evaluate(_PIXELS, role))

    def hover(self, share: float) -> None:
        """Point at the middle of the canvas' height, at a share of its width."""
        self.show()
        self.over.scroll_into_view_if_needed()
        box = self.over.bounding_box()
        self.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)

    def drag(self, begin: float, end: float) -> None:
        """Drag from one share of the width to another."""
        self.hover(begin)
        self.page.mouse.down()
        self.hover((begin + end) / 2)
        self.hover(end)
        self.page.mouse.up()


_PIXELS = """(figure, role) => {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim();
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  const canvas = figure.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 60 && Math.abs(data[at] - red) + Math.abs(data[at + 1] - green)
      + Math.abs(data[at + 2] - blue) < 60) found += 1;
  }
  return found;
}"""


@contextmanager
def view(
    browser: Browser,
    where: Path | str,
    *,
    width: int = WIDE_PX,
    dark: bool = False,
    script: bool = True,
) -> Iterator[View]:
    """Open a file, or a page that is served, as a person would, and close it again."""
    address = where.as_uri() if isinstance(where, Path) else where
    own = "file:" if isinstance(where, Path) else address
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT_PX},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
    )
    try:
        seen = View(context.new_page())

        def route(route: Route) -> None:
            if route.request.url.startswith(own):
                route.continue_()
            else:
                seen.requests.append(route.request.url)
                route.abort()

        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                seen.errors.append(message.text)

        context.route("**/*", route)
        seen.page.on("console", said)
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.goto(address)
        yield seen
    finally:
        context.close()
