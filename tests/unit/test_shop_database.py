"""What the ledger's errors mean to who asked: ask again later, never, or a mistake of ours."""

import pytest
from psycopg import InterfaceError, OperationalError, errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from approaches.shop.database import REFUSALS, STORE_ERRORS, StoreTimeout

LATER, NEVER, WRONG = "ask again later", "never", "a mistake of ours"

BY_CODE = {
    "08006": LATER,  # connection failure
    "23503": NEVER,  # foreign key
    "23505": NEVER,  # unique
    "23514": NEVER,  # check
    "22003": NEVER,  # a number out of range
    "22P02": NEVER,  # not a uuid
    "25006": LATER,  # read-only transaction
    "25P03": LATER,  # idle in a transaction for too long
    "40001": LATER,  # serialization failure
    "40P01": LATER,  # deadlock
    "42501": WRONG,  # no right to do so
    "42601": WRONG,  # syntax
    "42P01": WRONG,  # no such table
    "53100": LATER,  # disk full
    "53300": LATER,  # too many connections
    "55P03": LATER,  # lock not available
    "57014": LATER,  # statement timeout
    "57P01": LATER,  # shut down by an operator
    "57P03": LATER,  # starting up
    "58030": LATER,  # I/O error
    "XX000": LATER,  # internal error
    "XX001": LATER,  # corrupted data: nothing that the order is to blame for
}


def verdict(kind: type[Exception]) -> str:
    if issubclass(kind, REFUSALS):
        return NEVER
    return LATER if issubclass(kind, STORE_ERRORS) else WRONG


@pytest.mark.parametrize(("code", "expected"), BY_CODE.items())
def test_an_error_of_the_ledger_is_judged_by_its_code(code, expected):
    assert verdict(errors.lookup(code)) == expected


@pytest.mark.parametrize(
    "kind",
    [OperationalError, InterfaceError, StoreTimeout, PoolTimeout, PoolClosed, TooManyRequests],
)
def test_a_ledger_out_of_reach_is_asked_again(kind):
    assert verdict(kind) == LATER


def test_nothing_is_both_refused_and_asked_again():
    assert not any(issubclass(one, STORE_ERRORS) for one in REFUSALS)
    assert not any(issubclass(one, REFUSALS) for one in STORE_ERRORS)
