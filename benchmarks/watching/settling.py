"""Settles orders in Redis as the payment workers do, evenly over a time: a process of its own.

`python -m benchmarks.watching.settling`: lines of `order entry` on the standard input; a line of
`order time` on the standard output for each, the time (monotonic, in s) being that of the call.
"""

import asyncio
import os
import sys
import time

from approaches.queue.redis_store import Settlement, Store
from benchmarks.shop import PRODUCT_ID

BATCH_SIZE = 64
VERSION = 3
TIMEOUT_S = 30.0


async def settle(orders: list[tuple[str, str]], over_s: float) -> None:
    """Settle the (order, stream entry) pairs in batches, spread over so many seconds."""
    store = Store(os.environ["REDIS_URL"], timeout_s=TIMEOUT_S, connections=4)
    batches = [orders[n : n + BATCH_SIZE] for n in range(0, len(orders), BATCH_SIZE)]
    began_s, lines = time.monotonic(), []
    for number, batch in enumerate(batches):
        await asyncio.sleep(max(0.0, began_s + over_s * number / len(batches) - time.monotonic()))
        now_s = time.monotonic()
        await store.settle(
            [
                Settlement(order, PRODUCT_ID, "confirmed", VERSION, int(time.time() * 1e6), entry)
                for order, entry in batch
            ]
        )
        lines += [f"{order} {now_s:.6f}\n" for order, _ in batch]
    sys.stdout.writelines(lines)
    await store.close()


if __name__ == "__main__":
    pairs = [(order, entry) for order, entry in map(str.split, sys.stdin)]
    asyncio.run(settle(pairs, float(sys.argv[1])))
