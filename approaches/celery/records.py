"""Orders in PostgreSQL; the statements are the files beside, and each can be repeated."""

from pathlib import Path

from approaches.shop.order_ledger import OrderLedger

STATEMENTS = {path.stem: path.read_bytes() for path in Path(__file__).parent.glob("*.sql")}


class Records(OrderLedger):
    """The ledger as this shop writes it."""

    def write(self, statement: str, values: dict[str, object]) -> None:
        """Do one of STATEMENTS; raise one of REFUSALS if the ledger does not take it."""
        with self._pool.connection() as connection:
            connection.execute(STATEMENTS[statement], values)
