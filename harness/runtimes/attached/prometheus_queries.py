"""Asks a Prometheus server what services have used (its HTTP API, `/api/v1/query`)."""

import math
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import httpx

from harness.errors import InfrastructureError
from harness.runtimes.attached.endpoints import Prometheus
from harness.runtimes.deployment import Usage

ANSWER_LIMIT_S = 1.0
"""How long all queries together may take: whoever samples has other sources to ask, each second."""
_MOST_AT_ONCE = 16


class NoValue(InfrastructureError):
    """A query has no value, more than one, or none that is a finite number; or it took too long."""


class PrometheusQueries:
    """The queries of a deployment, by service."""

    def __init__(self, asked: Prometheus) -> None:
        self._asked = asked
        # nothing is kept open between two readings: they are seconds apart
        self._client = httpx.Client(
            timeout=ANSWER_LIMIT_S, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def usage(self) -> dict[str, Usage]:
        """Return what each service has used; what has no answer now is None, or left out."""
        queries = {*self._asked.cpu_s.values(), *self._asked.memory_bytes.values()}
        answers = {
            query: answer
            for query, answer in self._ask(queries).items()
            if not isinstance(answer, NoValue)
        }
        found = {}
        for service in sorted({*self._asked.cpu_s, *self._asked.memory_bytes}):
            cpu_s = answers.get(self._asked.cpu_s.get(service, ""))
            memory = answers.get(self._asked.memory_bytes.get(service, ""))
            if cpu_s is not None or memory is not None:
                memory_bytes = None if memory is None else int(memory)
                found[service] = Usage(cpu_s, memory_bytes, processes=None)
        return found

    def check(self) -> None:
        """Ask each query once (NoValue, by its key)."""
        for key in ("cpu_s", "memory_bytes"):
            by_service: dict[str, str] = getattr(self._asked, key)
            answers = self._ask(by_service.values())
            for service, query in by_service.items():
                if isinstance(error := answers[query], NoValue):
                    raise NoValue(
                        f"prometheus.{key}.{service}: {error}", "try the query in Prometheus itself"
                    ) from error

    def _ask(self, queries: Iterable[str]) -> dict[str, float | NoValue]:
        """Ask all at once; return the value of each, or why it has none."""
        different = list(dict.fromkeys(queries))
        if not different:
            return {}
        pool = ThreadPoolExecutor(min(len(different), _MOST_AT_ONCE), "prometheus")
        asked = {query: pool.submit(self._value, query) for query in different}
        wait(asked.values(), ANSWER_LIMIT_S)
        pool.shutdown(wait=False, cancel_futures=True)
        return {query: _answer(one) for query, one in asked.items()}

    def _value(self, query: str) -> float:
        try:
            answer = self._client.get(f"{self._asked.url}/api/v1/query", params={"query": query})
        except httpx.HTTPError as error:
            raise NoValue(str(error) or type(error).__name__) from error
        try:
            value = _number(answer)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise NoValue(f"answered {answer.status_code}, and no number") from error
        if not math.isfinite(value):
            raise NoValue(f"its value is {value}")
        return value


def _answer(asked: "Future[float]") -> float | NoValue:
    if asked.cancelled() or not asked.done():
        return NoValue(f"no answer within {ANSWER_LIMIT_S:g} s")
    try:
        return asked.result()
    except NoValue as error:
        return error


def _number(answer: httpx.Response) -> float:
    content: Any = answer.json() if answer.status_code in (200, 400) else {}
    if content.get("status") != "success":
        raise NoValue(str(content.get("error") or f"answered {answer.status_code}"))
    data = content["data"]
    is_scalar = data["resultType"] == "scalar"
    rows = [data["result"]] if is_scalar else data["result"]
    if len(rows) != 1:
        raise NoValue(f"{len(rows)} values in place of one")
    _, text = rows[0] if is_scalar else rows[0]["value"]
    return float(text)
