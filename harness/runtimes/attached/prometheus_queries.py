"""Asks a Prometheus server what services have used (its HTTP API, `/api/v1/query`)."""

from typing import Any

import httpx

from harness.errors import InfrastructureError
from harness.runtimes.attached.endpoints import Prometheus
from harness.runtimes.deployment import Usage

_ANSWER_LIMIT_S = 2.0


class NoValue(InfrastructureError):
    """A query has no value, or more than one."""


class PrometheusQueries:
    """The queries of a deployment, by service."""

    def __init__(self, asked: Prometheus) -> None:
        self._asked = asked

    def usage(self) -> dict[str, Usage]:
        """Return what each service has used; what has no answer now is None, or left out."""
        found = {}
        for service in sorted({*self._asked.cpu_s, *self._asked.memory_bytes}):
            cpu_s = self._known(self._asked.cpu_s.get(service))
            memory = self._known(self._asked.memory_bytes.get(service))
            if cpu_s is not None or memory is not None:
                memory_bytes = None if memory is None else int(memory)
                found[service] = Usage(cpu_s, memory_bytes, processes=None)
        return found

    def check(self) -> None:
        """Ask each query once (NoValue, by its key)."""
        for key in ("cpu_s", "memory_bytes"):
            for service, query in getattr(self._asked, key).items():
                try:
                    self._value(query)
                except (NoValue, httpx.HTTPError) as error:
                    raise NoValue(
                        f"prometheus.{key}.{service}: {error}", "try the query in Prometheus itself"
                    ) from error

    def _known(self, query: str | None) -> float | None:
        if query is None:
            return None
        try:
            return self._value(query)
        except (NoValue, httpx.HTTPError):
            return None

    def _value(self, query: str) -> float:
        answer = httpx.get(
            f"{self._asked.url}/api/v1/query", params={"query": query}, timeout=_ANSWER_LIMIT_S
        )
        content: Any = answer.json() if answer.status_code in (200, 400) else {}
        if content.get("status") != "success":
            raise NoValue(str(content.get("error") or f"answered {answer.status_code}"))
        data = content["data"]
        rows = [data["result"]] if data["resultType"] == "scalar" else data["result"]
        if len(rows) != 1:
            raise NoValue(f"{len(rows)} values in place of one")
        _, text = rows[0] if data["resultType"] == "scalar" else rows[0]["value"]
        return float(text)
