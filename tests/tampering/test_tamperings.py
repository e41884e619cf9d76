"""Whoever tampers with a recorded run is seen, by the checks that the documents name."""

from functools import cache

import pytest

from harness.audit import audit
from harness.results.findings import Verdict
from harness.results.store import RunData
from tests.support.contention import make_contention_run
from tests.support.histories import make_run
from tests.tampering.catalogue import CONTENTION, TAMPERINGS, Tampering
from tests.tampering.document import DOCUMENT, table


@cache
def recorded(of: str, stock: int) -> RunData:
    return (
        make_contention_run("queue", sales=4)
        if of == CONTENTION
        else make_run("queue", stock=stock)
    )


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.what)
def test_a_tampering_is_seen(tampering: Tampering) -> None:
    run = tampering.apply(recorded(tampering.of, tampering.stock))
    verdicts = {finding.id: finding.verdict for finding in audit(run)}
    unusual = {name: found for name, found in verdicts.items() if found is not Verdict.PASS}
    assert unusual == dict.fromkeys(tampering.seen_by, Verdict.FAIL)


@pytest.mark.parametrize(("of", "stock"), sorted({(one.of, one.stock) for one in TAMPERINGS}))
def test_what_was_not_tampered_with_passes(of: str, stock: int) -> None:
    assert {finding.verdict for finding in audit(recorded(of, stock))} == {Verdict.PASS}


def test_the_documents_say_who_sees_what() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8")
