"""What is said of an expectation: its number, its range, and its answer."""

import pytest

from report.experiment.experiment_words import deciding, expected, number, sentence

P95 = "purchase_latency_p95_ms"


def one(answer="supported", **stated):
    found = {"value": None, "low": None, "high": None, "n": 3, "why": "", "says": "it is so"}
    named = {"of": "queue", "over": None, "metric": None, "audit": None}
    return {**found, **named, "at_least": None, "at_most": None, "answer": answer, **stated}


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"metric": P95, "over": "sync", "value": 0.98, "low": 0.953, "high": 1.017},
         "0.98× [0.95, 1.02]"),
        ({"metric": P95, "over": "sync", "value": 0.0625, "low": 0.06, "high": 0.07},
         "0.062× [0.060, 0.070]"),
        ({"metric": P95, "over": "sync"}, "not measured"),
        ({"metric": P95, "value": 17.0, "low": 2.0, "high": 56.0}, "17 ms [2, 56]"),
        ({"metric": P95, "low": 30002.0}, "≥ 30.0 s"),
        ({"metric": P95}, "not measured"),
        ({"audit": "I1", "value": 0.0, "low": 0.0, "high": 0.0},
         "0 offences against I1 in 3 runs"),
        ({"audit": "I1", "value": 1.0, "low": 1.0, "high": None, "n": 1},
         "at least 1 offence against I1 in 1 run"),
        ({"audit": "I1"}, "not measured"),
    ],
)  # fmt: skip
def test_a_number_has_its_interval_and_its_unit(stated, words):
    assert number(one(**stated)).replace("\N{NO-BREAK SPACE}", " ") == words


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"metric": P95, "over": "sync", "at_least": 2.7}, "at least 2.7×"),
        ({"metric": P95, "over": "sync", "at_least": 0.9, "at_most": 1.1}, "0.9 to 1.1×"),
        ({"metric": P95, "at_most": 50.0}, "at most 50 ms"),
        ({"metric": "confirmed_orders", "at_least": 9.0, "at_most": 9.0}, "9"),
        ({"audit": "I1", "at_most": 0.0}, "at most 0"),
    ],
)
def test_a_range_has_its_unit(stated, words):
    assert expected(one(**stated)).replace("\N{NO-BREAK SPACE}", " ") == words


def test_what_is_not_measured_says_why():
    found = one("not decided", metric=P95, over="sync", at_most=1.0, why="one run", n=1)
    assert sentence(found) == (
        "Not decided: it is so. Measured: not measured (one run); expected: at most 1×; n = 1."
    )


def test_the_first_expectation_with_the_answer_of_all_decides():
    rows = [one(says="a"), one("contradicted", says="b"), one("contradicted", says="c")]
    assert deciding({"answer": "contradicted", "expectations": rows})["says"] == "b"
