"""How many requests Locust has counted, by its own event: a check on the request log.

Locust keeps statistics of every request, twice. The harness makes its own from the request log, so
the generator need not pay for those.
"""

from typing import Any

from locust.stats import RequestStats


class RequestCount(RequestStats):
    """Counts requests, and keeps no statistics."""

    def log_request(self, *_: Any, **__: Any) -> None:
        """Count a request."""
        self.total.num_requests += 1

    def log_error(self, *_: Any, **__: Any) -> None:
        """Count nothing: the request was counted."""
