"""The published report as data: nothing of it is missing, and its arithmetic is carried out."""

import tomllib

import pytest

from harness.analysis import METRICS, load_prices
from harness.analysis.cost import ROWS
from harness.analysis.funnel import STEPS
from harness.analysis.payback import FIGURES
from harness.errors import UsageError
from report.claims import contradictions, published
from report.claims.arithmetic import compute, names, plain, written
from report.claims.published import PATH

DATA = published.load()
TEXT = PATH.read_text(encoding="utf-8")

TABLE_2_1 = {
    # row: approach 1, approach 2, improvement
    "Avg API Latency": (1250, 82, 93), "P95 API Latency": (3400, 300, 91),
    "P99 API Latency": (8900, 890, 90), "Total Order Time P95": (45.2, 10.2, 77),
    "Throughput": (89, 177, 99), "Successful Purchases": (421, 1196, 184),
    "Confirmed Orders": (312, 999, 220), "Success Rate": (74.1, 83.5, 9.4),
    "CPU Usage": (34, 78), "Memory": (420, 8200), "Containers": (4, 13),
    "HTTP Error Rate": (12.3, 0.8, 94), "Server Errors": (487, 0, 100), "Timeouts": (234, 2, 99),
    "Out of Stock": (18342, 46061), "Payment Processing Capacity": (1, 720, 720),
    "Payment Workers": (0, 36),
}  # fmt: skip
SECTION_2_2 = {
    "sync": (421, 312, 74.1, 1250, 3400, 8900, 45.2, 89, 12.3, 487, 234, 18342, 34, 420, 4),
    "queue": (1196, 999, 83.5, 158, 563, 6227, 9434, 9.659, 177, 5.12, 0, 37034, 142, 180, 78, 8200,
              13, 4, 60, 6, 20, 720),
}  # fmt: skip
SECTION_2_4 = {
    "sync": (65000, 421, 0.6, 312, 74.1),
    "queue": (54742, 1196, 2.2, 999, 83.5, 99.9),
}
ELSEWHERE = {
    "0": (100000, 1000, 300),
    "1.2": (50, 150, 300, 100, 0, 65000, 1300, 99999, 2500, 0.1),
    "1.3": (16, 32, 12, 8, 720, 83.5, 999, 99.9),
    "1.4": (3, 30, 60, 1000),
    "3.1": (100, 50),
    "3.2": (1000, 500000),
    "3.3": (1, 15, 2500, 0.4, 150, 15, 50, 8200, 420, 19, 13, 4),
    "3.4": (30, 15, 12, 57, 73, 240, 24, 20, 387, 6.8, 3, 180, 340, 2, 13),
    "3.5": (50, 200, 74, 89.6, 34, 78, 65000, 0, 20),
    "4.1": (1341, 994, 74, 89.6),
    "4.2": (80, 5),
    "4.3": (50, 2500, 65000, 200, 720, 3.6),
    "5": (89.6, 74.1, 3, 93, 0, 1000, 500, 99.9, 100, 50, 57, 400, 180, 387, 1150, 340, 10, 1, 2),
    "6": (3, 83.5, 74.1, 9.4, 177, 89, 2, 999, 312, 220, 99.9, 720, 2500, 15, 20, 74, 89.6, 6.8, 8,
          85, 15, 9.659, 387, 998990, 311997, 686993, 330, 1, 208180, 6),
}  # fmt: skip
RANGES = {"3.3": [(500, 700), (250, 450), (5, 10)], "4.2": [(1, 5)]}


def values(section, of=None):
    return {
        claim.value
        for claim in DATA.claims
        if section in claim.sections and of in (None, claim.of) and claim.value is not None
    }


@pytest.mark.parametrize("row", TABLE_2_1)
def test_every_number_of_the_comparison_table_is_a_claim(row):
    of_row = [claim for claim in DATA.claims if "2.1" in claim.sections and row in claim.quote]
    sync, queue, *gain = TABLE_2_1[row]
    assert sync in [claim.value for claim in of_row if claim.of == "sync"]
    assert queue in [claim.value for claim in of_row if claim.of == "queue"]
    both = [claim.value for claim in DATA.claims if "2.1" in claim.sections and claim.of is None]
    assert not gain or gain[0] in both


@pytest.mark.parametrize(("section", "expected"), [("2.2", SECTION_2_2), ("2.4", SECTION_2_4)])
def test_every_number_of_the_details_and_funnels_is_a_claim(section, expected):
    for of, numbers in expected.items():
        assert set(numbers) <= values(section, of), of


@pytest.mark.parametrize("section", ELSEWHERE)
def test_every_other_number_is_a_claim(section):
    assert set(ELSEWHERE[section]) - values(section) == set()
    ranges = [claim.range for claim in DATA.claims if section in claim.sections and claim.range]
    assert sorted(ranges) == sorted(RANGES.get(section, []))


def test_every_section_with_a_claim_has_a_title_and_none_is_empty():
    assert set(DATA.sections) == {claim.sections[0] for claim in DATA.claims}


def test_every_reason_is_given_to_a_claim():
    assert set(DATA.reasons) == {claim.untested for claim in DATA.claims} - {None}


def test_claims_ask_for_what_a_summary_has():
    for claim in DATA.claims:
        assert claim.metric is None or claim.metric in METRICS
        steps = {step for step, _, _ in STEPS}
        assert {claim.step, claim.share} - {None} <= steps
        costs = {row[0] for row in (ROWS if claim.of else FIGURES)}
        assert claim.cost is None or claim.cost in costs


def test_a_figure_has_the_unit_of_what_it_is_held_against():
    for claim in DATA.claims:
        if claim.metric and not claim.queue_is:
            unit = METRICS[claim.metric].unit
            assert claim.unit == ("" if unit in ("slots",) else unit), claim.id


def test_the_default_price_table_is_that_of_the_claims():
    prices = load_prices()
    for name, total, items in (
        ("sync", "bill_sync", ("bill_ec2_sync", "bill_rds_sync", "bill_redis_sync")),
        ("queue", "bill", ("bill_cluster", "bill_ec2", "bill_rds", "bill_redis", "bill_balancer")),
    ):
        assert prices.usd_per_month(name) == DATA.value(total)
        bill = [item.usd_per_month for item in prices.provisioned.bills[name]]
        assert bill == [DATA.value(item) for item in items]


def differ(one, data):
    """Return True if the two sides differ as they are printed; words always do."""
    if one.computed is None or one.stated is None:
        return True
    computed, stated = (compute(side, data.values) for side in (one.computed, one.stated))
    return plain(computed) != plain(stated)


@pytest.mark.parametrize("one", DATA.contradictions, ids=lambda one: one.says[:50])
def test_every_contradiction_is_one(one):
    assert differ(one, DATA)


def test_a_contradiction_that_is_none_would_be_seen():
    agrees = published.Contradiction(
        says="Confirmed of accepted", computed="100 * confirmed / accepted", stated="83.53"
    )
    assert not differ(agrees, DATA)


@pytest.mark.parametrize(
    "sentence",
    [
        "89 × 300 = 26,700, but 65,000 (2.1, 0, 1.2)",
        "300 ÷ (2,500 ÷ 1000) = 120, but 312",
        "1,000 − 421 = 579, but 0",
        "999 + 142 + 180 = 1,321, but 1,196",
        "999 + 180 = 1,179, but 1,000",
        "387 ÷ 999 = 0.387, but 340 ÷ 1000 = 0.34",
        "100 × (686,993 − 330) ÷ 330 = 208,080, but 208,180 (6)",
        "100 × 999 ÷ 1,196 = 83.53, but 89.6",
        "177 ÷ 89 = 1.99, but 3",
    ],
)
def test_contradictions_are_computed_and_written_out(sentence):
    assert any(sentence in line for line in contradictions.sentences(DATA))


@pytest.mark.parametrize(
    ("computed", "stated"),
    [
        ("bill_ec2_sync + bill_rds_sync + bill_redis_sync", "bill_sync"),
        ("bill_cluster + bill_ec2 + bill_rds + bill_redis + bill_balancer", "bill"),
        ("bill - bill_sync", "extra_bill"),
        ("confirmed + failed + processing", "1321"),
        ("payment_containers * payment_processes * payment_concurrency", "slots"),
        ("payment_containers * payment_processes", "workers"),
        ("slots / capacity_before", "capacity_gain"),
    ],
)
def test_where_the_published_arithmetic_holds_it_is_no_contradiction(computed, stated):
    holds = published.Contradiction(says="it holds", computed=computed, stated=stated)
    assert not differ(holds, DATA)


def test_arithmetic_is_that_of_school():
    amounts = {"a": 10.0, "b": 4.0}
    assert compute("a - b * 2", amounts) == 2
    assert compute("(a - b) / 2", amounts) == 3
    assert written("(a - b) / 2", amounts) == "(10 − 4) ÷ 2 = 3"
    assert written("a", amounts) == "10"
    assert names("(a - b) / 2 * a") == ["a", "b", "a"]


@pytest.mark.parametrize("wrong", ["a +", "c", "a ** 2", "print(a)", "a.real", "'a'", "-a"])
def test_nothing_but_arithmetic_is_computed(wrong):
    with pytest.raises(ValueError, match=r"cannot be computed|not arithmetic"):
        compute(wrong, {"a": 1.0})


@pytest.mark.parametrize(
    ("value", "text"),
    [(26700, "26,700"), (208079.7, "208,080"), (83.528, "83.53"), (0.1825, "0.182"), (6.8, "6.8"),
     (120.5, "120.5"), (0, "0")],
)  # fmt: skip
def test_plain_numbers(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('of = "sync", value = 1250', "value = 1250", "api_avg_sync: of which approach"),
        ('quote = "K6, Version: 0.49.0"', 'qoute = "K6"', "qoute"),
        ('id = "api_avg",', 'id = "api_avg_sync",', "two claims have one id"),
        ('untested = "condition" }', 'untested = "because" }', "no reason 'because'"),
        ('section = "1.1"', 'section = "7"', "no section '7'"),
        ('id = "runs",', 'id = "runs", audit = "I1",', "runs needs exactly one of"),
        ("value = 77, unit = \"% less\"", "value = 77, unit = \"s\"", "the unit of a size"),
    ],
)  # fmt: skip
def test_a_wrong_claim_is_named(tmp_path, old, new, named):
    assert old in TEXT
    path = tmp_path / "claims.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8"))
    with pytest.raises(UsageError, match=named):
        published.load(path)
