"""The docs name paths, modules and words that exist."""

import re
from pathlib import Path

import pytest

from harness.campaign.steps import STEPS

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = "approaches|benchmarks|docs|harness|report|results|scenarios|tests"
PATH = re.compile(rf"`((?:{FOLDERS})/[^`\s]*)`")
MODULE = re.compile(rf"`((?:{FOLDERS})(?:\.\w+)+)`")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
OF_A_CAMPAIGN = re.compile(r"report/.*(html|md|svg|png|csv)|results/(?!reference)")


def _named(pattern: re.Pattern[str], doc: Path) -> set[str]:
    return set(pattern.findall(doc.read_text("utf-8")))


def _is_module(name: str) -> bool:
    """Return True for a module, and for a name in one."""
    path = ROOT / name.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module, _, attribute = name.rpartition(".")
    file = ROOT / f"{module.replace('.', '/')}.py"
    return file.is_file() and re.search(rf"\b{attribute}\b", file.read_text("utf-8")) is not None


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_path_and_module_that_is_named_exists(doc: Path) -> None:
    paths = {path for path in _named(PATH, doc) if not OF_A_CAMPAIGN.match(path)}
    paths = {path for path in paths if "<" not in path}
    missing = [path for path in paths if not list(ROOT.glob(path.rstrip("/")))]
    missing += [name for name in _named(MODULE, doc) if not _is_module(name)]
    assert sorted(missing) == []


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_link_within_the_project_leads_somewhere(doc: Path) -> None:
    links = {link for link in _named(LINK, doc) if "://" not in link}
    assert [link for link in sorted(links) if not (doc.parent / link).exists()] == []


def test_the_glossary_is_in_order_and_explains_each_word_once() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    rows = text[text.index("## Glossary") :].splitlines()[4:]
    words = [row.split("|")[1].strip() for row in rows if row.startswith("|")]
    assert len(words) > 40
    assert words == sorted(words, key=str.casefold)
    assert len(words) == len(set(words))


def test_nothing_is_decided_twice() -> None:
    text = (ROOT / "docs/decisions.md").read_text("utf-8")
    for word in ("epoch", "circuit breaker"):
        assert len(re.findall(rf"^\*\*[^*]*{word}", text, re.MULTILINE)) == 1


def test_the_architecture_goes_through_the_steps_of_a_run() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    named = re.findall(r"^\| (\d) ([^|]+) \|", text, re.MULTILINE)
    assert named == [(str(n), step.words) for n, step in enumerate(STEPS, start=1)]
