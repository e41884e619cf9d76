"""The docs as a site: links lead to where their targets are, and examples are what they say."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from harness.scenario.model import Scenario
from publishing.project_links import as_in_site, linked_files, site_path
from publishing.terminal_session import COMMANDS, PICTURE, drawn
from tests.support.workflows import blocks, commands_in, parse

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *(f"docs/{name}.md" for name in ("measuring", "tutorial", "own-scenario",
         "capacity", "measuring-your-own-system", "containers", "kubernetes")))  # fmt: skip


@pytest.mark.parametrize(
    ("page", "link", "in_site"),
    [
        ("README.md", "docs/methodology.md#variants", "methodology.md#variants"),
        ("README.md", "CONTRIBUTING.md", "CONTRIBUTING.md"),
        ("docs/ci.md", "../gate.toml", "gate.toml"),
        ("docs/ci.md", "methodology.md#variants", "methodology.md#variants"),
        ("docs/ci.md", "../README.md", "index.md"),
        ("docs/ci.md", "#github", "#github"),
        ("docs/ci.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("docs/ci.md", "../missing.toml", "../missing.toml"),
        ("results/README.md", "../docs/ci.md", "../ci.md"),
        (
            "README.md",
            "results/reference/report/report.md#audit",
            "results/reference/report/index.html",
        ),
    ],
)
def test_a_link_leads_to_where_its_target_is_in_the_site(page: str, link: str, in_site: str):
    assert (
        as_in_site(f"[a]({link}), ![b]({link})", page, ROOT) == f"[a]({in_site}), ![b]({in_site})"
    )


def test_what_a_page_links_to_is_known():
    text = "[a](../gate.toml) [b](../missing) [c](ci.md#x) [d](https://example.org)"
    assert list(linked_files(text, "docs/ci.md", ROOT)) == ["gate.toml", "docs/ci.md"]


def test_every_page_of_the_docs_is_in_one_room():
    read = re.sub(r"!!python\S*", "", (ROOT / "mkdocs.yml").read_text("utf-8"))
    nav = yaml.safe_load(read)["nav"]
    rooms = [next(iter(room)) for room in nav]
    assert rooms == ["Home", "Tutorial", "How-to", "Reference", "Explanation"]
    named = re.findall(r"[\w./-]+\.md", str(nav))
    assert len(named) == len(set(named))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= set(named)


def test_every_command_of_the_docs_is_one():
    calls = [call for page in PAGES for call in commands_in((ROOT / page).read_text("utf-8"))]
    assert len(calls) > 30
    for call in (*calls, *(command.removeprefix("harness ") for command in COMMANDS)):
        parse(shlex.split(call))


def test_the_examples_of_a_scenario_are_scenarios():
    whole, *parts, asked = blocks(
        re.sub(r"(?m)^    ", "", (ROOT / "docs/own-scenario.md").read_text("utf-8")), "toml"
    )
    assert len(parts) == 3
    hypothesis, _, expectations = asked.partition("\n\n")
    experiment = "\n".join([hypothesis, whole, parts[1], expectations])
    for text in (whole, *(f"{whole}\n{part}" for part in parts), experiment):
        Scenario.model_validate(tomllib.loads(text))


def test_the_pages_of_the_site_have_paths_of_their_own():
    assert site_path("README.md") == "index.md"
    assert site_path("results/README.md") == "results/README.md"


def test_the_picture_of_a_session_asks_no_server_for_a_font():
    picture = drawn([("harness list", "\x1b[1mqueue\x1b[0m up\n")])
    assert "url(http" not in picture.replace('"', "")
    assert all(word in picture for word in ("list", "queue", "up"))


def test_the_committed_picture_is_of_these_commands():
    words = re.sub(r"&#160;", " ", PICTURE.read_text("utf-8"))
    assert all(command in words for command in COMMANDS)
