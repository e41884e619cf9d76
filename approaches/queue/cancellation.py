"""Tasks that are cancelled do end, even where a library swallows a cancellation."""

import asyncio
from collections.abc import Collection
from typing import Any

AGAIN_S = 0.1


async def cancel(tasks: Collection[asyncio.Task[Any]], *, again_s: float = AGAIN_S) -> None:
    """Cancel tasks, every `again_s` seconds until all have ended; what they raise is dropped.

    Once is not enough: `asyncio.wait_for` of Python 3.11 swallows a cancellation that comes as its
    wait ends (https://github.com/python/cpython/issues/86296), and Redis' client sends every
    command by it.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_s)
    await asyncio.gather(*tasks, return_exceptions=True)
