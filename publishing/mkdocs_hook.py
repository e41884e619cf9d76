"""What MkDocs asks while it builds the site (https://www.mkdocs.org/dev-guide/plugins/#events).

The pages of `docs/` are files. Added to them are pages that other folders keep, pages that are
generated from the code, and the files and reports that pages link to.
"""

import shutil
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

from publishing.command_page import command_page
from publishing.metric_page import metric_page
from publishing.project_links import as_in_site, linked_files, site_path
from publishing.scenario_page import scenario_page
from publishing.stored_file_pages import stored_file_pages

ROOT = Path(__file__).parents[1]
ELSEWHERE = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("results/README.md", "benchmarks/README.md"),
)
"""The pages that are not in `docs/`."""

_ELSEWHERE = {site_path(page): page for page in ELSEWHERE}


def on_files(files: Files, config: Any) -> Files:
    """Add to the pages of `docs/` everything else that is in the site."""
    generated = {
        "commands.md": command_page(),
        "scenario.md": scenario_page(),
        "metrics.md": metric_page(),
        **stored_file_pages(),
    }
    elsewhere = {path: (ROOT / page).read_text("utf-8") for path, page in _ELSEWHERE.items()}
    for path, text in {**generated, **elsewhere}.items():
        files.append(File.generated(config, path, content=text))
    for file in sorted(_linked(files)):
        if files.get_file_from_path(site_path(file)) is None:
            source = str(ROOT / file)
            copied = File.generated(
                config, site_path(file), abs_src_path=source, inclusion=InclusionLevel.INCLUDED
            )
            files.append(copied)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Return the text of a page with its links as they are in the site."""
    return as_in_site(markdown, _in_project(page.file), ROOT)


def on_post_build(config: Any) -> None:
    """Copy the reports that pages link to, each with its figures and tables."""
    site = Path(config.site_dir)
    for report in [page.parent for page in site.glob("results/**/report/index.html")]:
        shutil.copytree(ROOT / report.relative_to(site), report, dirs_exist_ok=True)


def _linked(files: Files) -> set[str]:
    """Return the files of the project to which a page links."""
    return {
        file
        for page in files.documentation_pages()
        for file in linked_files(page.content_string, _in_project(page), ROOT)
    }


def _in_project(page: File) -> str:
    return _ELSEWHERE.get(page.src_uri, f"docs/{page.src_uri}")
