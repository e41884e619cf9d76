"""A worker's way to the ledger: what is tried again, what is given up, and when it is stuck."""

import asyncio

import pytest
from psycopg import errors

from approaches.queue import worker
from approaches.queue.worker import STUCK_AFTER_S, ReconnectingConnection


class Silent:
    """A connection nobody asks anything of."""

    closed = False

    async def close(self):
        self.closed = True


@pytest.fixture
def now_s():
    return [0.0]


@pytest.fixture
def lazy(monkeypatch, now_s):
    async def connect(_):
        return Silent()

    monkeypatch.setattr(worker, "connect", connect)
    monkeypatch.setattr(worker, "LONGEST_PAUSE_S", 0.0)
    return ReconnectingConnection("", clock=lambda: now_s[0])


def failing(*faults):
    """A step that raises these, one at a time, and then succeeds."""
    left = list(faults)

    async def step(_):
        if left:
            raise left.pop(0)
        return "done"

    return step


def test_work_waits_for_a_ledger_that_cannot_do_it(lazy):
    faults = (
        errors.ReadOnlySqlTransaction(),
        errors.AdminShutdown(),
        errors.QueryCanceled(),
        errors.InsufficientPrivilege(),
        errors.UndefinedTable(),
        errors.DatabaseError(),
    )
    assert asyncio.run(lazy.run(failing(*faults))) == "done"


@pytest.mark.parametrize("refusal", [errors.ForeignKeyViolation, errors.NumericValueOutOfRange])
def test_what_the_ledger_refuses_is_not_tried_again(lazy, refusal):
    with pytest.raises(refusal):
        asyncio.run(lazy.run(failing(refusal())))


def test_it_is_stuck_when_a_step_has_waited_for_long_and_until_it_is_done(lazy, now_s):
    seen = []

    async def step(_):
        seen.append(lazy.is_stuck)
        now_s[0] += STUCK_AFTER_S * 0.6
        if len(seen) < 4:
            raise errors.ReadOnlySqlTransaction

    asyncio.run(lazy.run(step))
    assert seen == [False, False, True, True]
    assert not lazy.is_stuck
