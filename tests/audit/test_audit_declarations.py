"""An invariant is declared once, where its check is; the methodology and findings follow."""

from pathlib import Path

import pytest

from harness.audit import INVARIANTS
from harness.audit.invariant import Scope, invariant
from harness.results.findings import Category, Verdict

METHODOLOGY = (Path(__file__).parents[2] / "docs/methodology.md").read_text("utf-8")


def test_the_numbers_are_those_of_the_specification():
    assert [one.number for one in INVARIANTS] == [*range(1, 17), 18, 19, 20]
    assert [one.id for one in INVARIANTS if one.category is Category.SET_UP] == ["I16"]
    shared = [one.id for one in INVARIANTS if one.scope is Scope.DEPLOYMENT]
    assert shared == ["I11", "I14", "I16", "I20"]


@pytest.mark.parametrize("one", INVARIANTS, ids=lambda one: one.id)
def test_the_methodology_lists_every_invariant_as_it_is_declared(one):
    row = f"| {one.id} | {one.title} | {one.statement} | {one.category} |"
    assert row in METHODOLOGY.splitlines()


def test_a_finding_has_the_class_of_its_invariant():
    weak = invariant("I99", "Nothing is weak", Category.SET_UP)(lambda facts, evidence: "all well")
    found = weak.finding(Verdict.UNKNOWN, "not measured")
    assert (found.id, found.category) == ("I99", Category.SET_UP)
