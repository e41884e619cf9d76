"""Every way in which an invariant can fail has been seen to fail: no check is there for nothing."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import audit
from harness.audit import invariant
from tests.defects import DEFECTS, lost_half_way, undrained
from tests.defects.unmeasured import UNMEASURED
from tests.support.histories import make_run

pytestmark = pytest.mark.slow

SOURCES = sorted(Path(audit.__file__).parent.glob("invariants/*.py"))
ADDS = {"offence", "at_rest", "doubt"}


def sites() -> Iterator[tuple[str, int, int, str]]:
    """Yield where evidence is added: file, first and last line, and the words."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name("evidence"), attr=attr)):
                    if attr in ADDS:
                        words = ast.unparse(node.args[0])
                        yield source.name, node.lineno, node.end_lineno or node.lineno, words


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, int]]:
    """Record from which line of the audit rows were added."""
    seen: set[tuple[str, int]] = set()
    add = invariant._add

    def recording(found: list[Any], *arguments: Any) -> None:
        before = len(found)
        add(found, *arguments)
        if len(found) > before:
            frame = inspect.currentframe()
            while frame is not None and Path(frame.f_code.co_filename).name in (
                "invariant.py",
                Path(__file__).name,
            ):
                frame = frame.f_back
            assert frame is not None
            seen.add((Path(frame.f_code.co_filename).name, frame.f_lineno))

    monkeypatch.setattr(invariant, "_add", recording)
    return seen


def test_every_piece_of_evidence_has_a_history_that_gives_it(added: set[tuple[str, int]]) -> None:
    for one in DEFECTS.values():
        audit.audit(one.apply(make_run(one.approaches[0], seed=1, **one.run), 0))
    audit.audit(undrained(make_run("queue", seed=1), 3))
    audit.audit(lost_half_way(make_run("queue", seed=1), 3))
    for spoil in UNMEASURED.values():
        audit.audit(spoil(make_run("queue", seed=1)))
    never = [
        f"{file}:{first}: {words}"
        for file, first, last, words in sites()
        if not any(name == file and first <= line <= last for name, line in added)
    ]
    assert never == []
