"""A payment gateway that approves at once: an ASGI application without a framework.

The product's own gateway validates, draws and logs; here that would be most of what is measured.
"""

import json
import os
from typing import Any

_counted = {"charges": 0}
_RUN = f"{os.getpid():x}{os.urandom(4).hex()}"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Approve POST /charges; answer anything else with the number of charges."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    answer: dict[str, object] = dict(_counted)
    if scope["method"] == "POST":
        _counted["charges"] += 1
        charge_id = f"ch_{_RUN}_{_counted['charges']}"
        answer = {"charge_id": charge_id, "outcome": "approved", "amount_cents": 99_900}
        answer["latency_ms"] = 0.0
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
