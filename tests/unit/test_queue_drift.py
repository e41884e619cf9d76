"""The comparison of Redis' stock with the ledger: an alarm when they have parted, and only then."""

import pytest

from approaches.queue.drift import STOCK_DRIFT, DriftWatch, LedgerStock

ENTRY = {"o": "a", "p": "1", "q": "2"}


def told() -> float:
    return STOCK_DRIFT.labels("1")._value.get()


@pytest.fixture(autouse=True)
def nothing_told():
    STOCK_DRIFT.labels("1").set(0)


def read(watch, counter, *, free, sold=0, unrelayed=0, entries=(), after=None):
    stocks = {1: LedgerStock(free, sold, unrelayed)}
    watch.compare(stocks, entries, {1: counter}, {1: counter if after is None else after})


def test_books_that_agree_raise_no_alarm():
    watch = DriftWatch()
    for _ in range(2):
        read(watch, 10, free=10)
        read(watch, 8, free=10, entries=[ENTRY])
        read(watch, 7, free=10, unrelayed=3)
        read(watch, 8, free=10, entries=[ENTRY, ENTRY])  # one order in two streams
        read(watch, 10, free=10, entries=[{**ENTRY, "p": "2"}])
    assert told() == 0


@pytest.mark.parametrize("counter", [9, 11])
def test_the_same_difference_twice_is_an_alarm_until_it_is_gone(counter, caplog):
    watch = DriftWatch()
    read(watch, counter, free=10)
    assert told() == 0
    for _ in range(3):
        read(watch, counter, free=10)
        assert told() == counter - 10
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == 1
    read(watch, 10, free=10)
    assert told() == 0


def test_a_difference_while_anything_moves_is_none():
    watch = DriftWatch()
    read(watch, 9, free=10, sold=1)
    read(watch, 9, free=10, sold=2)  # the same difference, but work flows
    read(watch, 9, free=10, sold=2, after=8)  # the counter moved during the reading
    read(watch, 9, free=10, sold=2)
    assert told() == 0


def test_a_product_that_is_not_on_sale_or_gone_is_left_out():
    watch = DriftWatch()
    for _ in range(2):
        watch.compare({}, [], {1: 5}, {1: 5})
        watch.compare({1: LedgerStock(5, 0, 0)}, [], {1: None}, {1: None})
    assert told() == 0
