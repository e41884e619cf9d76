"""What is asked of a ledger, and done to it by a reset, as a file of SQL says it.

The file has named statements: each begins below a line ``-- name: NAME``, the convention of aiosql.
Those named after a relation yield what the audit reads, in the columns of `RELATIONS`, whatever the
tables of the system are. `default_ledger.sql` has those of the shops that share a schema.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from harness.errors import UsageError
from harness.host.text_files import read_text

DEFAULT_FILE: Final = Path(__file__).with_name("default_ledger.sql")


@dataclass(frozen=True, slots=True)
class Relation:
    """The columns of a relation.

    Without an optional one, what reads it is not measured; a further one is not missed.
    """

    columns: tuple[str, ...]
    optional: tuple[str, ...] = ()
    further: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """Return every column that is read."""
        return (*self.columns, *self.optional, *self.further)


RELATIONS: Final[Mapping[str, Relation]] = {
    "orders": Relation(
        (
            *("order_id", "product_id", "quantity", "amount_cents", "status"),
            *("accepted_at", "settled_at"),
        ),
        optional=("user_id", "key", "version"),
        further=("reference",),
    ),
    "order_events": Relation(("order_id", "version", "status", "at")),
    "payments": Relation(("order_id", "charge_id", "outcome", "amount_cents", "at")),
    "stock_moves": Relation(("order_id", "kind", "quantity", "at", "relayed"), optional=("seq",)),
    "products": Relation(("id", "price_cents", "initial_stock", "reserved", "sold")),
    "cancelled_orders": Relation(
        ("order_id", "user_id", "product_id", "quantity", "key", "reason")
    ),
    "password_hashes": Relation(("password_hash",)),
}
"""What the audit reads of a ledger. Columns that end in ``at`` are timestamps with a time zone.

The ``reference`` of an order is that of its charge, where that is not its ``key``.
"""

REQUIRED: Final = ("orders", "products", "empty", "seed")
"""Without them nothing can be measured."""

_OTHERS: Final = ("waiting", "empty", "seed", "leftovers", "account", "delete_accounts")
"""Statements that yield no relation: docs/measuring-your-own-system.md says what each is for."""
_NAME: Final = re.compile(
    r"^[ \t]*--+[ \t]*name[ \t]*:[ \t]*(.*?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE
)
"""Whatever looks like it: a name that was overlooked would join its statement to the one above."""
_SELECTS_ALL: Final = re.compile(
    r"(?:\b(?:SELECT|ALL|DISTINCT)|[,.])\s*\*|\*\s*(?:,|FROM\b|$)|\bTABLE\b", re.IGNORECASE
)
"""Not that of ``count(*)`` or ``price * 100``."""
_END: Final = re.compile(r";\s*(--[^\n]*)?\Z")


@dataclass(frozen=True, slots=True)
class LedgerSql:
    """The named statements of one file."""

    file: str
    statements: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        return name in self.statements

    @property
    def is_default(self) -> bool:
        """Return True for the schema that the shops of this project share."""
        return self == default_ledger_sql()

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the relations that the ledger does not yield."""
        return tuple(name for name in RELATIONS if name not in self)

    @property
    def unnamed(self) -> tuple[str, ...]:
        """Return, as ``RELATION.COLUMN``, columns that may be missing and that no text names.

        So much can be said without the ledger. A relation that selects all of a table's columns may
        have any.
        """
        return tuple(
            f"{name}.{column}"
            for name, relation in RELATIONS.items()
            if name in self and not _SELECTS_ALL.search(self.statements[name])
            for column in (*relation.optional, *relation.further)
            if not re.search(rf"\b{column}\b", self.statements[name], re.IGNORECASE)
        )

    def statement(self, name: str) -> bytes:
        """Return a statement as psycopg takes one that no program wrote."""
        return self.statements[name].encode()

    def select(self, columns: str, relation: str, rest: str = "") -> bytes:
        """Return a query of a relation, such as ``count(*)`` of the open ``orders``."""
        inner = self.statements[relation]
        query = f"SELECT {columns} FROM (\n{inner}\n) AS {relation} {rest}"  # noqa: S608 - SQL is what the file is
        return query.encode()


def read_ledger_sql(path: Path) -> LedgerSql:
    """Return the statements of a file (UsageError: it names file and statement)."""
    try:
        text = read_text(path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    return LedgerSql(path.name, _statements(path.name, text))


@lru_cache(maxsize=1)
def default_ledger_sql() -> LedgerSql:
    """Return the statements for the schema that the shops of this project share."""
    return read_ledger_sql(DEFAULT_FILE)


def _statements(file: str, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, statement in _named(text):
        if name not in (*RELATIONS, *_OTHERS):
            known = ", ".join((*RELATIONS, *_OTHERS))
            raise UsageError(f"{file}: there is no use for `-- name: {name}`", f"known: {known}")
        if name in found:
            raise UsageError(f"{file}: `-- name: {name}` stands twice", "leave one of them")
        if not statement:
            raise UsageError(f"{file}: nothing stands below `-- name: {name}`", "write its SQL")
        found[name] = statement
    for name in REQUIRED:
        if name not in found:
            raise UsageError(
                f"{file}: there is no `-- name: {name}`",
                "docs/measuring-your-own-system.md says what each statement yields or does",
            )
    return found


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Yield each name with its statement, without lines of comment and the semicolon at its end."""
    _, *parts = _NAME.split(text)
    for name, statement in zip(parts[::2], parts[1::2], strict=True):
        lines = (line for line in statement.splitlines() if not line.lstrip().startswith("--"))
        yield name, _END.sub("", "\n".join(lines).strip()).rstrip()
