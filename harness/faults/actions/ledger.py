"""A ledger that refuses to write: it answers every read, and ends every write with an error."""

import time
from typing import Any, LiteralString

import psycopg

from harness.errors import InfrastructureError
from harness.faults.actions.base import FaultAction, carries_out

_POLL_S = 0.02
_LIMIT_S = 10.0
"""How long the server may take to follow its configuration."""
_TRIES_S = 30.0
"""How long a ledger that does not answer is asked to take writes again."""


@carries_out("refuse_writes")
class RefuseWrites(FaultAction):
    """Makes every transaction that begins read-only, those of open sessions too.

    The server's default is changed, not sessions: nobody is disconnected, and each session follows
    at its next statement (https://www.postgresql.org/docs/current/config-setting.html). A write
    then fails with 25006, read_only_sql_transaction, as on a ledger that was demoted to a standby.
    A transaction that is open already goes on. The harness only reads while the fault lasts, and
    its sessions that write state otherwise for themselves.
    """

    def inject(self) -> None:
        """Refuse writes from now on."""
        self._configure("ALTER SYSTEM SET default_transaction_read_only = on")
        self._until("on")

    def undo(self) -> None:
        """Take writes again; a ledger that is down or standing still is asked until it answers.

        One that stays up after the run is asked for as long even if the run is given up.
        """
        deadline_s = time.monotonic() + _TRIES_S
        while True:
            try:
                return self._configure("ALTER SYSTEM RESET default_transaction_read_only")
            except psycopg.OperationalError:
                if self._may_leave_it_after(_POLL_S) or time.monotonic() > deadline_s:
                    raise

    def _may_leave_it_after(self, seconds: float) -> bool:
        """Wait for the next try; return True as soon as the run is given up and its ledger ends."""
        if self._deployment.is_ours:
            return self._giving_up.wait(seconds)
        time.sleep(seconds)
        return False

    def recover(self) -> None:
        """Wait until a new session may write."""
        self._until("off")

    def _superuser(self) -> "psycopg.Connection[Any]":
        return psycopg.connect(self._deployment.dsn(), autocommit=True, connect_timeout=5)

    def _configure(self, statement: LiteralString) -> None:
        with self._superuser() as superuser:
            superuser.execute(statement)
            superuser.execute("SELECT pg_reload_conf()")

    def _until(self, wanted: str) -> None:
        """Wait until a new session finds the default that is wanted; the server reloads later."""
        deadline_s = time.monotonic() + _LIMIT_S
        while self._default() != wanted:
            if self._giving_up.wait(_POLL_S) or time.monotonic() > deadline_s:
                raise InfrastructureError(
                    f"the ledger's default_transaction_read_only is not {wanted}",
                    "see the ledger's log",
                )

    def _default(self) -> str:
        with self._superuser() as superuser:
            row = superuser.execute("SHOW default_transaction_read_only").fetchone()
        return str(row[0]) if row else ""
