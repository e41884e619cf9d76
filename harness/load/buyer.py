"""A buyer: a Locust user that acts out the sale, and records every request it makes.

It registers, logs in, looks at the product, then loops: buy; if the order was accepted, watch it to
its end; think. The buyers in `scenarios/buyers` differ in how they watch. Request n + 1 is
*intended* at the end of request n plus the time the buyer thinks; what it is sent later than that
is the generator's own lateness, and can be measured.
"""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import gevent
import msgspec
from locust import User, task
from locust.exception import StopUser

from harness.load.event_stream import Event, EventStreamParser
from harness.load.http_client import NoRetryClient, Response, reason
from harness.load.http_connection import BrokenAnswer
from harness.load.load_plan import RETRY_AFTER_LIMIT_S, LoadPlan
from harness.load.request_outcomes import (
    ACCEPTED,
    INDETERMINATE,
    OK,
    TERMINAL,
    order_in,
    outcome_of,
)
from harness.load.stop_signal import StopSignal
from harness.load.user_registry import UserRegistry

FIRST_RETRY_S = 0.2
"""Wait before the first retry without Retry-After; it doubles with each further one."""

UNITS = 1
"""How many units a buyer asks for in an attempt."""

STREAM_END_S = 1.0
"""How long to wait for the end of an event stream after its last event."""

_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Answer:
    """What a buyer learnt from one request; status 0 and an error if nothing came.

    `code` is the code of a problem body: which of the errors with this status it is.
    """

    status: int
    outcome: str
    error: str = ""
    order_id: str = ""
    order_status: str = ""
    version: int = 0
    replayed: bool = False
    retry_after_s: float | None = None
    token: str = ""
    code: str = ""
    user_id: int = 0
    amount_cents: int = -1

    @property
    def is_final(self) -> bool:
        """Return True if the order will not change any more."""
        return self.order_status in TERMINAL


class Buyer(User):
    """The script that all buyers share; subclasses say how an accepted order is watched."""

    abstract = True
    registry: ClassVar[UserRegistry]
    client_class: ClassVar[type[NoRetryClient]] = NoRetryClient

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.plan = self.registry.plan
        self.number, self._ready_ns = self._arrive()
        self._http = self.client_class(self.plan.address, self.plan.load.request_timeout_s)
        self._user_id = 0
        self._token = ""
        self._leaving = StopSignal()
        self._think_ns = 0
        # Draws follow from seed and buyer alone, so every approach meets the same buyers.
        self._draws = random.Random(f"{self.plan.key_prefix}{self.number}")  # noqa: S311
        self._headers = {"Accept": "application/json", "Accept-Encoding": "identity"}

    def watch(self, order_id: str) -> None:
        """Follow an accepted order until it is final, `watch_limit_s` is over or `may_go_on` ends.

        Raises NotImplementedError unless a subclass says how.
        """
        raise NotImplementedError

    def request_stop(self) -> None:
        """Leave after the action in hand; a buyer that thinks leaves at once."""
        self._leaving.set()

    @task
    def run_script(self) -> None:
        """Act out the whole script of the buyer, as one Locust task that nothing interrupts."""
        try:
            self._script()
        except Exception as error:
            self.registry.record_failure(error)
        finally:
            self._http.close()
            self._depart()
        raise StopUser

    def _arrive(self) -> tuple[int, int]:
        """Register; return the buyer's number and the time from which it is ready, in ns."""
        return self.registry.add(self)

    def _depart(self) -> None:
        """Record that the buyer has left."""
        self.registry.remove(self.number, self._user_id)

    def _script(self) -> None:
        plan = cast(LoadPlan, self.plan)  # a contention test has a script of its own
        if not self._sign_in():
            return
        self._request("product", {"product_id": plan.product_id})
        attempt = 0
        while not self._leaving.is_set:
            answer = self._attempt(plan.product_id, f"{plan.key_prefix}{self.number}-{attempt}")
            if answer.outcome == ACCEPTED and not answer.is_final:
                self.watch(answer.order_id)
            attempt += 1
            self._think()

    def _sign_in(self) -> bool:
        """Register and log in, however long it takes; return False if the buyer left before."""
        number = self.number + self.plan.user_offset
        account = {"email": f"buyer-{number}@example.org", "password": f"secret-of-buyer-{number}"}
        registration = account | {"name": f"Buyer {number}"}
        while not self._leaving.is_set:
            registered = self._request_with_retries("register", registration)
            self._user_id = registered.user_id or self._user_id
            # 409: an earlier try was carried out, but its answer got lost.
            if registered.status in (201, 409) and not self._leaving.is_set:
                self._token = self._request_with_retries("login", account).token
                if self._token:
                    return True
            self._think()
        return False

    def _attempt(self, product_id: int, key: str) -> Answer:
        """Make one attempt to buy, over all its tries under one key."""
        wanted = {"product_id": product_id, "quantity": UNITS, "key": key}
        return self._request_with_retries("buy", wanted, key)

    def _request_with_retries(
        self, endpoint: str, variables: Mapping[str, Any], key: str = ""
    ) -> Answer:
        """Ask, and ask again while the outcome is open, tries are left, and the buyer stays."""
        for tried in range(self.plan.load.retries + 1):
            answer = self._request(endpoint, variables, key, tried)
            if answer.outcome != INDETERMINATE or self._gives_up():
                break
            if tried < self.plan.load.retries:
                wait_s = answer.retry_after_s
                self.pause(FIRST_RETRY_S * 2**tried if wait_s is None else wait_s)
        return answer

    def _gives_up(self) -> bool:
        """Return True if the buyer leaves: then it does not try again."""
        return self.registry.stopping or self._leaving.is_set

    def may_go_on(self, deadline_ns: int) -> bool:
        """Return True until the deadline, unless the load must stop."""
        return not self.registry.stopping and self.registry.now_ns() < deadline_ns

    def watch_deadline_ns(self) -> int:
        """Return until when an order that was accepted now is watched, in ns since the start."""
        return self.registry.now_ns() + int(self.plan.load.watch_limit_s * 1e9)

    def pause(self, seconds: float) -> None:
        """Wait in the middle of an action, counted from the end of the last request."""
        gevent.sleep(self._plan_pause(seconds))

    def ask_status(self, order_id: str) -> Answer:
        """Ask for the state of an order, once."""
        return self._request("status", {"order_id": order_id})

    def _think(self) -> None:
        """Think between two actions; a buyer that is asked to leave does so at once."""
        seconds = self._draws.uniform(self.plan.load.think_min_s, self.plan.load.think_max_s)
        self._leaving.wait(self._plan_pause(seconds))

    def _plan_pause(self, seconds: float) -> float:
        """Move the next intended request; return how long it is until then."""
        self._think_ns += int(seconds * 1e9)
        return max(0.0, (self._ready_ns + self._think_ns - self.registry.now_ns()) / 1e9)

    def _request(
        self,
        endpoint: str,
        variables: Mapping[str, Any],
        key: str = "",
        tried: int = 0,
    ) -> Answer:
        """Make one request and record it."""
        operation = self.plan.api[endpoint]
        path, headers, body = operation.compose({**variables, "token": self._token})
        response = self._http.request(operation.method, path, self._headers | headers, body)
        self._count(endpoint, operation.method, response)
        answer = self._parse_response(endpoint, response)
        self._record(endpoint, answer, key, tried)
        if answer.status > 0:
            self.registry.latencies_ms.append(self._http.took_ns // 1_000_000)
        return answer

    def _count(self, endpoint: str, method: str, response: Response) -> None:
        """Let Locust count the request; its number is checked against that of the request log."""
        self.environment.events.request.fire(
            request_type=method,
            name=endpoint,
            response_time=self._http.took_ns / 1e6,
            response_length=len(response.body),
            exception=ConnectionError(response.error) if response.error else None,
            context={},
        )

    def _parse_response(self, endpoint: str, response: Response) -> Answer:
        if response.status == 0:
            return Answer(0, INDETERMINATE, response.error)
        body, error = _parse(response.body)
        status, body = self.plan.api[endpoint].read(response.status, body)
        outcome = outcome_of(endpoint, status, body)
        answer = Answer(status, outcome, error)
        answer.code = str(body.get("code") or "") if status >= 400 else ""
        if endpoint in ("buy", "status"):
            answer.order_id, answer.order_status, answer.version = order_in(body, outcome)
            answer.replayed = response.headers.get(b"idempotent-replayed") == b"true"
            answer.amount_cents = _whole(body.get("amount_cents"), -1)
        elif endpoint == "product":
            answer.amount_cents = _whole(body.get("price_cents"), -1)
        elif endpoint == "register":
            answer.user_id = _whole(body.get("user_id"), 0)
        elif endpoint == "login":
            answer.token = _token_in(body)
        if outcome == INDETERMINATE:
            answer.retry_after_s = _seconds(response.headers.get(b"retry-after"))
        return answer

    def _record(self, endpoint: str, answer: Answer, key: str = "", tried: int = 0) -> None:
        """Record the request that was just made; the next one follows from its end."""
        t0_ns, think_ns = self.registry.t0_ns, self._think_ns
        intended_ns, done_ns = self._ready_ns + think_ns, self._http.done_ns - t0_ns
        self.registry.log.request(
            (
                *(self.number, endpoint, intended_ns, self._http.sent_ns - t0_ns, done_ns),
                *(think_ns, answer.status, answer.outcome, answer.error, key, tried),
                *(answer.order_id, answer.order_status, answer.version, answer.replayed),
                *(answer.code, UNITS if endpoint == "buy" else 0, answer.amount_cents),
            )
        )
        self._ready_ns, self._think_ns = done_ns, 0
        if answer.status == 0 or answer.status >= 500:
            self.registry.errors += 1

    def follow_events(
        self, order_id: str, parser: EventStreamParser, deadline_ns: int, tried: int
    ) -> Answer:
        """Read the event stream of an order until it is final, and record that as one request.

        `parser` is what remembers the last event over several streams. The outcome is open if the
        stream broke, ended early, or was still open at the deadline.
        """
        operation = self.plan.api["events"]
        path, stated, _ = operation.compose({"order_id": order_id, "token": self._token})
        headers = self._headers | stated | {"Accept": "text/event-stream"}
        if parser.last_id:
            headers["Last-Event-ID"] = parser.last_id
        response = self._http.open_stream(path, headers)
        self._count("events", "GET", response)
        if response.status == 200:
            answer = Answer(200, INDETERMINATE, order_id=order_id)
            self._read_events(answer, parser, deadline_ns)
        else:
            answer = self._parse_response("events", response)
            answer.order_id = order_id
        self._record("events", answer, tried=tried)
        return answer

    def _read_events(self, answer: Answer, parser: EventStreamParser, deadline_ns: int) -> None:
        left_s = max((deadline_ns - self.registry.now_ns()) / 1e9, 0.001)
        try:
            with gevent.Timeout(left_s):
                while not answer.is_final and not self.registry.stopping:
                    line = self._http.read_line()
                    if not line:
                        answer.error = "ended"
                        break
                    self._learn(answer, parser.feed_line(line))
        except (gevent.Timeout, OSError, BrokenAnswer) as error:
            answer.error = reason(error)
        self._http.done_ns = time.monotonic_ns()
        if answer.is_final:
            answer.outcome = OK
            # The server ends the stream now; read to its end, the connection can be used again.
            self._http.end_stream(STREAM_END_S)
        else:
            self._http.close()

    def _learn(self, answer: Answer, event: Event | None) -> None:
        """Take an event's state of the order into the answer."""
        if event is None:
            return
        body, _ = _parse(event.data.encode())
        _, body = self.plan.api["events"].read(200, body)
        order_id, status, version = order_in(body, "")
        if order_id == answer.order_id and status:
            answer.order_status, answer.version = status, version


def _parse(content: bytes) -> tuple[dict[str, Any], str]:
    """Return a JSON object, and "body" as the error if the content is something else."""
    try:
        body = _decode(content or b"{}")
    except ValueError:
        return {}, "body"
    return (body, "") if isinstance(body, dict) else ({}, "body")


def _whole(value: Any, absent: int) -> int:
    """Return a whole number that a table has room for, or what stands for none."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value < 2**63 else absent


def _token_in(body: dict[str, Any]) -> str:
    """Return the token of a session, nothing if there is none or a header cannot carry it."""
    token = str(body.get("token") or "")
    return token if token.isascii() and token.isprintable() else ""


def _seconds(retry_after: bytes | None) -> float | None:
    """Return what a Retry-After in seconds asks for, capped; dates and nonsense do not count."""
    if retry_after is None or not retry_after.isdigit():
        return None
    return min(float(retry_after), RETRY_AFTER_LIMIT_S)
