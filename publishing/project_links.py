"""Where the links of the docs lead in the site.

A page links as it is read in the repository: to files of the project, relative to its own. In the
site the pages of `docs/` are at the top, README.md is the home page, and every other file that is
linked to has its path in the project.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

_LINK = re.compile(r"(?<=\]\()(?P<path>[^)#:\s]+)(?P<place>#[^)\s]*)?")
_REPORT_ON_GITHUB = "/report/report.md"
_REPORT = "/report/index.html"


def site_path(file: str) -> str:
    """Return where a file of the project is in the site."""
    return "index.md" if file == "README.md" else file.removeprefix("docs/")


def linked_files(markdown: str, page: str, root: Path) -> Iterator[str]:
    """Yield the files of the project that one of its pages links to."""
    for link in _LINK.finditer(markdown):
        if file := _file(link, page, root):
            yield file


def as_in_site(markdown: str, page: str, root: Path) -> str:
    """Return a page of the project with its links as they are in the site.

    A link to what is no file of the project stays as it is, for MkDocs to judge.
    """
    folder = posixpath.dirname(site_path(page)) or "."

    def changed(link: re.Match[str]) -> str:
        file = _file(link, page, root)
        if file is None:
            return link[0]
        place = "" if file.endswith(_REPORT) else link["place"] or ""  # it has other anchors
        return posixpath.relpath(site_path(file), folder) + place

    return _LINK.sub(changed, markdown)


def _file(link: re.Match[str], page: str, root: Path) -> str | None:
    """Return the file that a link leads to; of a report, its page and not its Markdown."""
    file = posixpath.normpath(posixpath.join(posixpath.dirname(page), link["path"]))
    if file.endswith(_REPORT_ON_GITHUB):
        file = file.removesuffix(_REPORT_ON_GITHUB) + _REPORT
    return file if (root / file).is_file() else None
