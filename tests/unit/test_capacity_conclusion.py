"""What runs at several levels come to: whose capacity it is, in words, and as a document."""

import json

import jsonschema_rs
import pytest

from harness.campaign import Variant
from harness.capacity import CapacityPlan, Limits, Search
from harness.capacity.capacity_document import (
    SCHEMA_PATH,
    Answer,
    CapacityDocument,
    Kind,
    LevelRun,
    Outcome,
    Resource,
    json_schema,
)
from harness.capacity.conclusion import conclude
from harness.cli.capacity_lines import capacity_verdict
from harness.errors import ExitCode
from harness.results.findings import Verdict

PLAN = CapacityPlan("arrivals", Limits(), Search(), [Variant("shop", "queue", title="The shop")])
WORDS = {
    Kind.GENERATOR: "load generator",
    Kind.MACHINE: "machine",
    Kind.WORLD: "payment-gateway",
    Kind.SERVICE: "redis",
}


def used_up(kind, full=0.6):
    return Resource(kind=kind, name=WORDS[kind], used=0.9, full=full, words="it was full")


def runs(level, outcomes, kind=Kind.SERVICE, full=0.6, audit=Verdict.PASS):
    """Runs of a level, by one letter each: passed, failed, unmeasured."""
    meant = {"p": Outcome.PASSED, "f": Outcome.FAILED, "u": Outcome.UNMEASURED}
    reasons = {"p": [], "f": ["purchase p95 300 ms, limit 200 ms"], "u": ["invalid: it was late"]}
    return [
        (
            f"shop.arrivals-{level}",
            LevelRun(
                index=100 * level + number,
                block=number,
                outcome=meant[letter],
                reasons=reasons[letter],
                audit=audit,
                purchases=1_000,
                purchase_p95_ms=300.0,
                error_pct=0.0,
                drain_s=0.2,
                unsettled=0,
                resources=[used_up(kind, full)],
            ),
        )
        for number, letter in enumerate(outcomes, start=1)
    ]


def found(*of_levels, search=PLAN.search):
    listed = [run for each in of_levels for run in each]
    points = {name: int(name.rpartition("-")[2]) for name, _ in listed}
    plan = CapacityPlan(PLAN.of, PLAN.limits, search, PLAN.variants)
    return conclude(plan, PLAN.variants[0], listed, points)


def document(*capacities):
    return CapacityDocument(
        of="arrivals", limits=PLAN.limits, search=PLAN.search, capacities=list(capacities)
    )


def test_a_system_that_gave_out_bounds_its_capacity():
    one = found(runs(300, "ppp"), runs(330, "fff"))
    assert (one.answer, one.served, one.not_served, one.settled) == (
        Answer.BRACKET, 300, 330, True,
    )  # fmt: skip
    assert one.gave_out.name == "redis"
    assert one.statement == (
        "The shop serves 300 arrivals/s (3 of 3 runs passed) and does not serve 330 arrivals/s "
        "(0 of 3 runs passed): purchase p95 300 ms, limit 200 ms; redis gave out (it was full)."
    )
    assert [(level.level, level.passed, level.served) for level in one.levels] == [
        (300, 3, True),
        (330, 0, False),
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.GENERATOR, "the load generator gave out"),
        (Kind.MACHINE, "the machine, which the load generator shares, gave out"),
        (Kind.WORLD, "the simulated payment gateway, which is no part of the system, gave out"),
    ],
)
def test_what_is_not_the_system_never_bounds_its_capacity(kind, words):
    one = found(runs(300, "ppp"), runs(330, "fff", kind))
    assert one.answer is Answer.AT_LEAST
    assert one.statement.startswith("The shop serves at least 300 arrivals/s (3 of 3 runs passed).")
    assert words in one.statement
    assert "does not serve" not in one.statement


def test_runs_that_measured_nothing_bound_nothing():
    one = found(runs(300, "ppp"), runs(330, "uuf"))
    assert one.answer is Answer.AT_LEAST
    assert found(runs(300, "ppp"), runs(330, "uff")).answer is Answer.BRACKET


def test_how_many_runs_passed_is_said():
    one = found(runs(300, "pfp"), runs(330, "fpf"))
    assert (one.served, one.not_served) == (300, 330)
    assert "300 arrivals/s (2 of 3 runs passed)" in one.statement
    assert "330 arrivals/s (1 of 3 runs passed)" in one.statement


def test_a_system_that_serves_not_even_the_lowest_level():
    one = found(runs(5, "fff"))
    assert (one.answer, one.served, one.not_served) == (Answer.LESS_THAN, None, 5)
    assert one.statement.startswith("The shop serves less than 5 arrivals/s (0 of 3 runs passed)")
    blind = found(runs(5, "uuu", Kind.GENERATOR))
    assert blind.answer is Answer.UNKNOWN
    assert blind.statement.startswith("The shop could not be measured.")


def test_a_system_that_serves_all_that_may_be_tried():
    one = found(runs(5_000, "ppp"))
    assert (one.answer, one.served, one.not_served) == (Answer.AT_LEAST, 5_000, None)
    assert "the highest level that may be tried" in one.statement


def test_nothing_is_invented_if_nothing_that_is_sampled_gave_out():
    one = found(runs(300, "ppp"), runs(330, "fff", full=0.01))
    assert one.gave_out is None
    assert one.answer is Answer.BRACKET
    assert "nothing that is sampled gave out, the busiest was redis" in one.statement


def test_a_search_that_ran_out_of_runs_says_so():
    one = found(runs(300, "p"), runs(600, "f"), search=Search(most_runs=6))
    assert not one.settled
    verdict = capacity_verdict(document(one))
    assert verdict.exit_code is ExitCode.INCONCLUSIVE


@pytest.mark.parametrize(
    ("of_levels", "code"),
    [
        ([runs(300, "ppp"), runs(330, "fff")], ExitCode.OK),
        ([runs(300, "ppp"), runs(330, "uuu", Kind.MACHINE)], ExitCode.OK),
        ([runs(5, "uuu", Kind.MACHINE)], ExitCode.INVALID),
        ([runs(300, "ppp"), runs(330, "uff", audit=Verdict.FAIL)], ExitCode.CORRECTNESS),
        ([runs(300, "ppp"), runs(330, "fff", audit=Verdict.FAIL)], ExitCode.OK),
    ],
    ids=["settled", "the machine gave out", "nothing measured", "oversold", "open orders"],
)
def test_the_exit_code_says_what_it_comes_to(of_levels, code):
    assert capacity_verdict(document(found(*of_levels))).exit_code is code


def test_the_document_follows_its_schema():
    content = document(found(runs(300, "ppp"), runs(330, "fff"))).as_json()
    jsonschema_rs.validator_for(json_schema()).validate(content)
    assert CapacityDocument.model_validate(json.loads(json.dumps(content))).as_json() == content


def test_the_published_schema_is_that_of_the_model():
    assert json.loads(SCHEMA_PATH.read_text(encoding="utf-8")) == json_schema()
