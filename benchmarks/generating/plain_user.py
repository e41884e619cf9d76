"""A plain Locust user that buys as fast as it is answered, as the documentation of Locust has it.

At its end it prints the CPU seconds of its process since the load began, and its requests.
"""

import json
import sys
import time

from locust import FastHttpUser, constant, events, task

_began = {"cpu_s": 0.0}


class PlainUser(FastHttpUser):
    """Buys one unit after the other."""

    wait_time = constant(0)
    _sent = 0

    @task
    def buy(self) -> None:
        """POST /orders."""
        self._sent += 1
        self.client.post(
            "/orders",
            json={"product_id": 1, "quantity": 1},
            headers={
                "Authorization": "Bearer null",
                "Idempotency-Key": f"{id(self)}-{self._sent}",
            },
        )


@events.spawning_complete.add_listener  # type: ignore[untyped-decorator]
def _begin(**_: object) -> None:
    _began["cpu_s"] = time.process_time()
    _began["requests"] = 0.0


@events.request.add_listener  # type: ignore[untyped-decorator]
def _count(**_: object) -> None:
    _began["requests"] = _began.get("requests", 0.0) + 1


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def _end(**_: object) -> None:
    cpu_s = time.process_time() - _began["cpu_s"]
    print(json.dumps({"cpu_s": cpu_s, "requests": _began["requests"]}), file=sys.stdout, flush=True)
