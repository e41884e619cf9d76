"""The report as one HTML file that needs no font and no other host, and can be read without script.

With script the figures become interactive. The page's policy names the scripts that may run by
their digests, so nothing that an audit quotes can ever become one.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from report import method, numbers
from report.charts import theme
from report.charts.figures import MULTIPLES
from report.document import Document
from report.tables import footnotes, judgements

_PAGE = Path(__file__).parent
_REPORT = _PAGE.parent
_SCRIPTS = (
    "page/vendor/uplot/uPlot.iife.min.js",
    "page/shared.js",
    "page/painting.js",
    "page/heat_map.js",
    "page/chart.js",
    "page/themes.js",
)
"""What an interactive page needs before its own script."""
_STYLES = ("page/vendor/uplot/uPlot.min.css", "page/page.css", "page/charts.css")


def render(document: Document) -> str:
    """Return the page; every text is escaped but the drawings, which this package made."""
    evidence = document.evidence
    return (
        environment("page/page.js", before=(*_SCRIPTS, "page/copying.js"))
        .get_template("report.html.j2")
        .render(
            document=document,
            evidence=evidence,
            said=document.said,
            badges=judgements.badges(evidence),
            measured_on=method.measured_on(evidence),
        )
    )


def environment(own_script: str, before: Sequence[str] = _SCRIPTS) -> jinja2.Environment:
    """Return what every page is rendered with: its parts, style, scripts, both its themes."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader((_PAGE, _REPORT)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scripts = [_read(name) for name in (*before, own_script)]
    made.filters["drawn"] = lambda picture: Markup(theme.for_page(picture.svg))  # noqa: S704
    made.filters["json"] = lambda chart: Markup(chart.to_json())  # noqa: S704
    made.filters["examples"] = judgements.examples
    made.filters["legend"] = footnotes.legend
    made.filters["pieces"] = _pieces
    made.filters["kilobytes"] = lambda size: f"{numbers.number(max(1, size / 1000))}\u00a0kB"
    made.globals |= {
        "multiples": MULTIPLES,
        "style": Markup("".join(_read(name) for name in _STYLES)),  # noqa: S704
        "scripts": [Markup(text) for text in scripts],  # noqa: S704
        "digests": Markup(" ".join(map(_digest, scripts))),  # noqa: S704
        "light": Markup(theme.variables({**theme.LIGHT, **theme.SIGNALS_LIGHT})),  # noqa: S704
        "dark": Markup(theme.variables({**theme.DARK, **theme.SIGNALS_DARK})),  # noqa: S704
    }
    return made


def _pieces(text: str) -> tuple[str, str]:
    """Return a cell's text as a value and its interval, between which a line may break."""
    value, bracket, span = text.partition(" [")
    return (value, f"[{span}") if bracket and span.endswith("]") else (text, "")


def _read(name: str) -> str:
    return (_REPORT / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    """Return how a content security policy names a script that may run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
