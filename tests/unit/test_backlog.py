"""Who waits for a backlog waits for a store that is away, not for a statement that is wrong."""

from types import SimpleNamespace

import psycopg
import pytest

from harness.campaign import backlog
from harness.errors import UsageError
from harness.topology.ledger_sql import default_ledger_sql


@pytest.fixture
def deployment(monkeypatch):
    """A deployment whose ledger says by an error what waits."""

    def answering(error):
        def waiting(*_):
            raise error

        monkeypatch.setattr(backlog, "waiting_in", waiting)
        monkeypatch.setattr(backlog.psycopg, "connect", lambda *_, **__: Ledger())
        topology = SimpleNamespace(ledger_sql=default_ledger_sql(), redis=None)
        return SimpleNamespace(topology=topology, dsn=lambda: "", redis_url=lambda: None)

    return answering


class Ledger:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, _):
        return SimpleNamespace(fetchone=lambda: (0,))


def test_a_store_that_is_away_may_come_back(deployment):
    away = deployment(psycopg.OperationalError("the server closed the connection"))
    assert not backlog.wait_until_empty(away, limit_s=0.01)


def test_a_wrong_statement_is_shown(deployment):
    with pytest.raises(UsageError, match="waiting"):
        backlog.wait_until_empty(deployment(UsageError("waiting: no such table")), limit_s=60)
