"""The boutique's worker: it forgets a task, then charges. Killed in between, the task is lost."""

import json
import os
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError

from boutique.database import pool

THREADS = 32

database = pool(THREADS + 2)


def charge(number: int) -> None:
    with database.connection() as connection:
        request_id, total = connection.execute(
            "UPDATE purchases SET state = 'PAYING' WHERE no = %s RETURNING request_id, total",
            [number],
        ).fetchone()
    body = {"order_id": str(number), "reference": request_id, "amount_cents": int(total * 100)}
    asked = urllib.request.Request(
        f"{os.environ['PAYMENTS']}/charges",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Idempotency-Key": request_id},
    )
    try:
        with urllib.request.urlopen(asked, timeout=30):
            state = "PAID"
    except HTTPError as refused:
        state = "REFUSED" if refused.code == 402 else "NEW"
    with database.connection() as connection, connection.transaction():
        if state == "REFUSED":
            connection.execute(
                "UPDATE items SET stock = stock + count FROM purchases"
                " WHERE items.sku = purchases.sku AND no = %s",
                [number],
            )
        connection.execute(
            "UPDATE purchases SET state = %s, closed = clock_timestamp() WHERE no = %s",
            [state, number],
        )


def main() -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        while True:
            with database.connection() as connection:
                taken = connection.execute("DELETE FROM tasks RETURNING purchase").fetchall()
            for (number,) in taken:
                threads.submit(charge, number)
            if not taken:
                time.sleep(0.02)


if __name__ == "__main__":
    main()
