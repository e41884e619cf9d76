"""A small shop on a real socket: just enough of the contract to buy from, and it can misbehave.

It counts what it was asked, so a test can compare that with what the client wrote down.
"""

import asyncio
import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

PRICE_CENTS = 99_900

Fault = Callable[[str, dict[str, str], int], str | None]
"""(route, headers, how often this route was asked before) -> what to do wrong, if anything:
"drop" (do it, close without an answer), "hang" (do it, never answer), "503", "503+1" (with
Retry-After: 1), "425", "garbage" (not HTTP), "truncate" (half an answer), "html" (200 without
JSON), "redirect", "two lines" (a token that no header can carry)."""


@dataclass
class FakeShop:
    """What the shop has, does wrong, and has seen."""

    acknowledges: str = "acceptance"
    stock: int = 1000
    service_s: float = 0.002
    payment_s: float = 0.1
    fault: Fault = lambda route, headers, before: None
    close_after_answer: bool = False
    break_streams: int = 0
    address: str = ""
    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    emails: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    products: set[str] = field(default_factory=set)
    last_event_ids: list[str] = field(default_factory=list)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    in_flight: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        gone = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        try:
            with contextlib.suppress(*gone):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            writer.close()
            with contextlib.suppress(*gone):
                await writer.wait_closed()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request_line, *lines = head.strip().split("\r\n")
        method, path, _ = request_line.split(" ")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        route = _route(path)
        fault = self.fault(f"{method} {route}", headers, self.asked[f"{method} {route}"])
        self.asked[f"{method} {route}"] += 1
        self.in_flight += 1
        try:
            await asyncio.sleep(self.service_s)
            if fault is None and route == "/orders/{id}/events":
                self.answers[method, route, 200] += 1
                return await self._stream(path.split("/")[2], headers, writer)
            status, answer, extra = await self._answer(method, path, headers, body, fault)
            return await self._send(writer, method, route, fault, status, answer, extra)
        finally:
            self.in_flight -= 1

    async def _send(
        self, writer: asyncio.StreamWriter, method: str, route: str, fault: str | None,
        status: int, answer: dict[str, Any], extra: str,
    ) -> bool:  # fmt: skip
        if fault == "drop":
            return False
        if fault == "hang":
            await asyncio.sleep(60)
        if fault == "garbage":
            writer.write(b"hello\r\n\r\n")
            await writer.drain()
            return False
        self.answers[method, route, status] += 1
        content = b"<html>" if fault == "html" else json.dumps(answer).encode()
        close = "Connection: close\r\n" if self.close_after_answer else ""
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n{extra}{close}\r\n".encode()
        )
        writer.write(content[: len(content) // 2] if fault == "truncate" else content)
        await writer.drain()
        return fault != "truncate" and not self.close_after_answer

    async def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, fault: str | None
    ) -> tuple[int, dict[str, Any], str]:
        if fault and fault[0] in "45":
            status, _, after = fault.partition("+")
            return int(status), {"code": "overloaded"}, f"Retry-After: {after}\r\n" if after else ""
        if fault == "redirect":
            return 302, {}, "Location: /elsewhere\r\n"
        if fault == "two lines":
            return 200, {"token": "token\r\nX-Injected: yes"}, ""
        content = json.loads(body) if body else {}
        if path.startswith("/auth/"):
            return self._register(content) if path == "/auth/register" else _log_in(content)
        if not headers.get("authorization", "").startswith("Bearer token-of-"):
            return 401, {"code": "unauthorized"}, ""
        if method == "POST":
            return await self._buy(headers["idempotency-key"], content)
        return self._show(path)

    def _show(self, path: str) -> tuple[int, dict[str, Any], str]:
        name = path.rpartition("/")[2]
        if path.startswith("/products/"):
            self.products.add(name)
            return 200, {"id": name, "price_cents": PRICE_CENTS, "stock": self.stock}, ""
        order = self.orders.get(name)
        return (200, dict(order), "") if order else (404, {"code": "not_found"}, "")

    def _register(self, content: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
        if content["email"] in self.emails:
            return 409, {"code": "email_taken"}, ""
        self.emails.append(content["email"])
        return 201, {"user_id": len(self.emails)}, ""

    async def _buy(self, key: str, content: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
        self.products.add(str(content["product_id"]))
        replay = "Idempotent-Replayed: true\r\n" if key in self.by_key else ""
        if not replay:
            self.keys.append(key)
            if self.stock < 1:
                return 409, {"code": "sold_out"}, ""
            self.stock -= 1
            order_id = f"order-{len(self.orders)}"
            self.by_key[key] = order_id
            self.orders[order_id] = {"order_id": order_id, "status": "accepted", "version": 1}
            self.orders[order_id]["amount_cents"] = PRICE_CENTS * content["quantity"]
            self._settling = asyncio.create_task(self._settle(order_id, key))
        order = self.orders[self.by_key[key]]
        if self.acknowledges == "acceptance":
            return 202, dict(order), f"Location: /orders/{order['order_id']}\r\n{replay}"
        await asyncio.sleep(self.payment_s + 0.02)
        if order["status"] == "confirmed":
            return 201, dict(order), replay
        problem = {"status": 402, "order_status": order["status"], "order_id": order["order_id"]}
        return 402, problem | {"version": order["version"]}, replay

    async def _settle(self, order_id: str, key: str) -> None:
        self.orders[order_id] |= {"status": "awaiting_payment", "version": 2}
        await asyncio.sleep(self.payment_s)
        status = "declined" if key.endswith("1") else "confirmed"
        self.orders[order_id] |= {"status": status, "version": 3}

    async def _stream(
        self, order_id: str, headers: dict[str, str], writer: asyncio.StreamWriter
    ) -> bool:
        self.last_event_ids.append(headers.get("last-event-id", ""))
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        _chunk(writer, "retry: 50\n: hello\n\n")
        seen = int(headers.get("last-event-id") or 0)
        while seen < 3:
            order = dict(self.orders[order_id])
            if order["version"] > seen:
                seen = order["version"]
                event = f"id: {seen}\nevent: status\ndata: {json.dumps(order)}\n\n"
                # In two pieces, so that a client must put lines together.
                _chunk(writer, event[:7])
                await asyncio.sleep(0)
                _chunk(writer, event[7:])
                await writer.drain()
                if self.break_streams:
                    self.break_streams -= 1
                    return False
            await asyncio.sleep(0.01)
        writer.write(b"0\r\n\r\n")
        return True


def _log_in(content: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
    return 200, {"token": f"token-of-{content['email']}"}, ""


def _chunk(writer: asyncio.StreamWriter, text: str) -> None:
    data = text.encode()
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


def _route(path: str) -> str:
    parts = path.split("/")
    if parts[1] in ("orders", "products") and len(parts) > 2:
        parts[2] = "{id}"
    return "/".join(parts)


@contextlib.contextmanager
def open_shop(shop: FakeShop) -> Iterator[FakeShop]:
    """Serve the shop on a free port of this host, in a thread of its own."""
    opened = threading.Event()
    closing: list[Callable[[], object]] = []

    async def run() -> None:
        close = asyncio.Event()
        closing.append(partial(asyncio.get_running_loop().call_soon_threadsafe, close.set))
        server = await asyncio.start_server(shop.serve, "127.0.0.1", 0, backlog=1024)
        shop.address = "http://{}:{}".format(*server.sockets[0].getsockname())
        opened.set()
        await close.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    opened.wait()
    try:
        yield shop
    finally:
        closing[0]()
        thread.join()
