"""Every mutant, deployed for real, is caught by the invariant that is meant to catch it."""

from collections.abc import Callable, Iterable

import pytest

import harness.audit
from harness.results.findings import Verdict, worst
from harness.runtimes import Deployment
from tests.contract.events import (
    test_a_buyer_has_only_so_many_streams_at_once as limited,
)
from tests.contract.orders import test_an_order_is_shown_to_its_buyer_only as shown
from tests.contract.rights import as_the_shop
from tests.contract.rights import (
    test_the_shops_role_is_nobody_in_particular as nobody,
)
from tests.contract.shops import Shop
from tests.mutants.answers import CONTRACT
from tests.mutants.bench import Bench, contract_shop
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant, build, control

pytestmark = [pytest.mark.integration, pytest.mark.timeout(700)]

Trial = tuple[Callable[..., None], Callable[[Deployment, Shop], None]]
"""A contract test, and how it is called on a shop that is up."""


def cases(mutants: Iterable[Mutant]):
    """Return test cases; those that are not in the short form run with `make mutants` only."""
    return [
        pytest.param(
            one, id=one.name, marks=pytest.mark.deploys if one.short else pytest.mark.exhaustive
        )
        for one in mutants
    ]


@pytest.mark.parametrize("mutant", cases(m for m in MUTANTS if m.caught_by != CONTRACT))
def test_a_mutant_is_caught_and_the_shop_is_not(bench: Bench, mutant: Mutant) -> None:
    healthy = bench.outcome(control(mutant.approach, mutant.load))
    assert healthy.exit_code == 0, healthy.output
    assert healthy.unsigned_services() == []

    wrong = bench.outcome(mutant)
    assert wrong.exit_code == 20, wrong.output
    assert wrong.unsigned_services() == []
    assert mutant.caught_by in wrong.failed, wrong.output
    finding = wrong.findings[mutant.caught_by]
    assert finding.count > 0
    assert finding.examples
    bench.keep(healthy)
    bench.keep(wrong)


@pytest.mark.parametrize("mutant", cases(m for m in MUTANTS if m.alone))
def test_without_its_invariant_a_mutant_would_pass(bench: Bench, mutant: Mutant, monkeypatch):
    run = bench.outcome(mutant).run
    assert worst(found.verdict for found in harness.audit.audit(run)) is Verdict.FAIL
    blind = [one for one in harness.audit.INVARIANTS if one(run).id != mutant.caught_by]
    monkeypatch.setattr(harness.audit, "INVARIANTS", blind)
    assert worst(found.verdict for found in harness.audit.audit(run)) is not Verdict.FAIL


def as_buyer(test: Callable[..., None]) -> Trial:
    """Return a trial of a mutant by a contract test for which a buyer suffices."""
    return test, lambda _, shop: test(shop, shop.buyer())


def with_its_rights(deployment: Deployment, _: Shop) -> None:
    with as_the_shop(deployment) as ledger:
        nobody(ledger)


TRIALS: dict[str, tuple[Trial, str, str]] = {
    "queue-order-shown-to-anybody": (
        as_buyer(shown),
        '"order_id"',  # the answer to somebody else, in the place of a 404
        "somebody else was answered with the order instead of 404",
    ),
    "queue-streams-without-limit": (
        as_buyer(limited),
        "assert []",  # the streams that were refused
        "21 event streams of one buyer were opened, and none was refused",
    ),
    "queue-shop-is-superuser": (
        (nobody, with_its_rights),
        "assert not True",
        "the role of the services has rights that no statement of theirs needs",
    ),
}
"""Of each mutant that the contract is to catch: how, what the failure says, and what that means."""


@pytest.mark.parametrize("mutant", cases(m for m in MUTANTS if m.caught_by == CONTRACT))
def test_what_no_buyer_tries_is_caught_by_the_contract(bench: Bench, mutant: Mutant) -> None:
    (test, trial), said, meaning = TRIALS[mutant.name]
    project = build(mutant, bench.folder / mutant.name)
    with (
        contract_shop(project, mutant.approach) as (deployment, shop),
        pytest.raises(AssertionError) as refused,
    ):
        trial(deployment, shop)
    assert said in str(refused.value).splitlines()[0]
    bench.refusals[mutant.name] = f"`{test.__name__}`: {meaning}"
