"""What a curve does, in words: each verdict, bounds, differences; δ is that of the metric."""

import pytest

from report.sweep.sweep_words import knee_words

ORDERS, P95, ERRORS = "confirmed_orders", "purchase_latency_p95_ms", "http_error_rate_pct"


def knee(shape, **rest):
    content = {
        "shape": shape, "knee": None, "settled_from": None, "worse_from": None, "kind": "ratio",
        "first": 1.0, "change": 3.0, "low": 2.5, "high": 3.6, "n": 3, "warnings": [],
    }  # fmt: skip
    return content | rest


@pytest.mark.parametrize(
    ("metric", "found", "words"),
    [
        (
            ORDERS,
            knee("gains up to the knee", knee=3.0, settled_from=3.0),
            "gains up to 3 (3.00× higher [2.50, 3.60] than at 1); "
            "a further gain beyond 5\N{NO-BREAK SPACE}% is excluded",
        ),
        (
            ORDERS,
            knee("gains up to the knee", knee=3.0, settled_from=4.0, worse_from=8.0),
            "is excluded from 4 on; worse again from 8 on",
        ),
        (
            P95,
            knee("gains; the knee is not decided", knee=64.0, change=0.02, low=None, high=0.025),
            "gains up to 64 at least (at least 40.0× lower than at 1); a further gain beyond "
            "15\N{NO-BREAK SPACE}% is neither seen nor excluded",
        ),
        (ORDERS, knee("gains up to the last value"), "still gains at the last value (3.00× higher"),
        (
            ERRORS,
            knee(
                "gains up to the knee", knee=2.0, kind="difference", change=-46, low=-47, high=-45
            ),
            "(\N{MINUS SIGN}46.0\N{NO-BREAK SPACE}points [\N{MINUS SIGN}47.0, \N{MINUS SIGN}45.0] "
            "from that at 1)",
        ),
        (ORDERS, knee("worsens", worse_from=4.0, change=0.5, low=0.4, high=0.6), "worse from 4 on"),
        (
            P95,
            knee("worsens", worse_from=300.0, low=50.0, high=None),
            "(at the last value at least",
        ),
        (ORDERS, knee("no effect within δ"), "no effect: any two values differ by less than 5"),
        (ORDERS, knee("no effect seen"), "no effect is seen; one may be there"),
        (ORDERS, knee("not judged", warnings=["one block"]), "not judged: one block"),
    ],
)
def test_each_verdict_is_a_sentence(metric, found, words):
    assert words in knee_words(metric, found)
