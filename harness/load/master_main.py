"""The master of a load's processes on other machines, which are workers of Locust's.

    python -m harness.load.master_main PLAN.json HOST PORT COUNT

To the harness it is like a generator process (generator_main): it says ``ready`` once all `COUNT`
workers are, is told the start, and reports the progress of each. ``waiting`` says what it still
waits for, and ``over`` that the load is; their logs are fetched, and laid beside the plan, when
that can disturb nothing any more (``{"fetch": true}``). It deals out the last `COUNT` processes.

Locust's own messages say who is connected and, by their heartbeats, who is gone; its dispatcher of
users is not used (see stage_driver). A worker that is lost ends the load: its log is, too.

Exit codes: 0 done, 1 a worker broke or was lost (see standard error), 2 wrong call, 3 nobody can
listen at that address.
"""

from gevent import monkey

monkey.patch_all()  # first, as Locust does it: before anything opens a socket

# ruff: noqa: E402
import json
import os
import socket
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gevent.queue import Empty, SimpleQueue
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import STATE_MISSING, MasterRunner

from harness.load import harness_pipe
from harness.load.clock_offset import ClockOffset, Exchange, worst_error_ns
from harness.load.load_plan import AnyPlan, plan_from_json
from harness.load.load_workers import CANNOT_LISTEN, MESSAGE, WORKERS_FILE
from harness.load.request_log import files_of

EXCHANGES = 16
"""How often each clock is asked; the quickest answer counts."""
TICK_S = 0.2
"""How often is looked whether every worker is there while none says anything."""
UNMEASURED = ClockOffset(0, 0)


class LoadFailed(Exception):
    """The load cannot begin or go on; its message says which worker it is, and where."""


@dataclass
class Worker:
    """One process of the plan, and the worker that plays it."""

    client: str
    process: int
    host: str
    cores: float
    said: set[str] = field(default_factory=set)
    """How far it is: ready, finished, and its log is sent."""
    is_asked: bool = False
    """Whether it still has to answer a question."""
    exchanges: list[Exchange] = field(default_factory=list)
    offset: ClockOffset = UNMEASURED

    def __str__(self) -> str:
        return f"load worker {self.process} on {self.host}"


class LoadMaster:
    """The workers of one load, from their connection to their logs."""

    def __init__(self, plan: AnyPlan, folder: Path, runner: MasterRunner, count: int) -> None:
        self._plan = plan
        self._folder = folder
        self._runner = runner
        self._count = count
        self._inbox: SimpleQueue[tuple[str, int, dict[str, Any]]] = SimpleQueue()
        self._hellos: dict[str, dict[str, Any]] = {}
        self._workers: list[Worker] = []
        self._stopping = False
        self._may_fetch = False
        runner.register_message(MESSAGE, self._on_message)

    def run(self) -> None:
        """Send the load (LoadFailed: a worker breaks, is lost, or is of another version)."""
        self._gather()
        self._deal_out()
        self._wait_until_all("ready")
        self._measure_clocks()
        harness_pipe.report({"event": "ready"})
        self._wait_until_all("finished")
        self._write_facts()
        harness_pipe.report({"event": "over"})
        self._receive_until(lambda: self._may_fetch)
        for worker in self._workers:
            self._fetch_log(worker)

    def obey(self, word: dict[str, Any]) -> None:
        """Do what the harness says: begin the load, or fetch its logs."""
        if "t0_ns" in word:
            self.begin(word["t0_ns"])
        self._may_fetch = "fetch" in word

    def begin(self, t0_ns: int) -> None:
        """Let the load begin at a time of CLOCK_MONOTONIC; each worker is told it by its own."""
        for worker in self._workers:
            self._tell(worker, event="begin", t0_ns=t0_ns + worker.offset.offset_ns)

    def stop(self, exit_code: int) -> None:
        """Stop the load on every worker; a second order, or one before there are any, ends all."""
        for worker in self._workers:
            self._tell(worker, event="stop")
        if self._stopping or not self._workers:
            self.leave()
            os._exit(exit_code)
        self._stopping = True

    def leave(self) -> None:
        """Let every worker go, also those that were not needed: they wait for the next load.

        Ours go at once. Locust's own order, which the others get, lets users finish first.
        """
        for worker in self._workers:
            self._tell(worker, event="leave")
        self._runner.quit()

    def _gather(self) -> None:
        """Wait until enough workers are connected, and give them their numbers, by host."""
        reported = -1
        while (n := len(found := self._connected())) < self._count:
            if n != reported:
                reported = n
                here = f"{self._runner.master_bind_host}:{self._runner.master_bind_port}"
                words = f"{n} of {self._count} load workers are connected to {here}"
                harness_pipe.report({"event": "waiting", "words": words})
            self._receive()
        harness_pipe.report({"event": "waiting", "words": ""})
        chosen = sorted(found, key=lambda client: (self._hellos[client]["host"], client))
        first = self._plan.load.processes - self._count
        for process, client in enumerate(chosen[: self._count], first):
            hello = self._hellos[client]
            self._workers.append(Worker(client, process, hello["host"], hello["cores"]))
            if hello["version"] != version("flashsale-harness"):
                raise LoadFailed(
                    f"{self._workers[-1]} has version {hello['version']} of the harness, "
                    f"this is {version('flashsale-harness')}"
                )

    def _connected(self) -> list[str]:
        return [client for client in self._hellos if self._is_there(client)]

    def _is_there(self, client: str) -> bool:
        node = self._runner.clients.get(client)
        return node is not None and node.state != STATE_MISSING

    def _deal_out(self) -> None:
        text = self._plan.to_json()
        for worker in self._workers:
            self._tell(worker, event="plan", plan=text, process=worker.process)

    def _measure_clocks(self) -> None:
        for worker in self._workers:
            worker.offset = self._measured(worker)

    def _measured(self, worker: Worker) -> ClockOffset:
        worker.exchanges = []
        for _ in range(EXCHANGES):
            self._ask(worker, event="clock", asked_ns=time.monotonic_ns())
        return ClockOffset.of(worker.exchanges)

    def _fetch_log(self, worker: Worker) -> None:
        """Fetch one log; the others wait for their turn, so no memory is filled by all at once.

        A table without a row comes in no part, so each is begun here; the file that closes the log
        is never empty, and is there only once it has come.
        """
        *tables, _ = files_of(self._folder, worker.process)
        for path in tables:
            path.touch()
        while "sent" not in worker.said:
            self._ask(worker, event="more")

    def _write_facts(self) -> None:
        """Write down who played which process, and how well its clock is known."""
        facts = [
            {
                "process": worker.process,
                "host": worker.host,
                "cores": worker.cores,
                "clock_error_ms": worst_error_ns(worker.offset, self._measured(worker)) / 1e6,
            }
            for worker in self._workers
        ]
        (self._folder / WORKERS_FILE).write_text(json.dumps(facts), encoding="utf-8")

    def _tell(self, worker: Worker, **message: Any) -> None:
        self._runner.send_message(MESSAGE, message, worker.client)

    def _ask(self, worker: Worker, **message: Any) -> None:
        worker.is_asked = True
        self._tell(worker, **message)
        self._receive_until(lambda: not worker.is_asked)

    def _wait_until_all(self, said: str) -> None:
        self._receive_until(lambda: all(said in worker.said for worker in self._workers))

    def _receive_until(self, is_enough: Callable[[], bool]) -> None:
        while not is_enough():
            self._receive()

    def _receive(self) -> None:
        """Take a message, if one comes within a tick, and see whether every worker is there."""
        try:
            client, at_ns, message = self._inbox.get(timeout=TICK_S)
        except Empty:
            pass
        else:
            self._take(client, at_ns, message)
        for worker in self._workers:
            if not self._is_there(worker.client):
                raise LoadFailed(f"{worker} is gone: it was ended, or its network was cut")

    def _take(self, client: str, at_ns: int, message: Mapping[str, Any]) -> None:
        if message["event"] == "hello":
            self._hellos[client] = dict(message)
        for worker in self._workers:
            if worker.client == client:
                self._take_from(worker, at_ns, message)

    def _take_from(self, worker: Worker, at_ns: int, message: Mapping[str, Any]) -> None:
        match message["event"]:
            case "progress":
                harness_pipe.report(message)
            case "clock":
                exchange = Exchange(message["asked_ns"], message["there_ns"], at_ns)
                worker.exchanges.append(exchange)
                worker.is_asked = False
            case "part":
                path = files_of(self._folder, worker.process)[message["file"]]
                with path.open("ab") as file:
                    file.write(zlib.decompress(message["content"]))
                worker.is_asked = False
            case "failed":
                sys.stderr.write(message["words"] + "\n")
                raise LoadFailed(f"{worker}: {message['words'].strip().splitlines()[-1]}")
            case said:
                worker.said.add(said)
                worker.is_asked = worker.is_asked and said != "sent"

    def _on_message(self, msg: Any, **_: Any) -> None:
        self._inbox.put((msg.node_id, time.monotonic_ns(), msg.data))


def main(arguments: list[str]) -> int:
    """Send one load; return the exit code."""
    if len(arguments) != 4 or not (arguments[2] + arguments[3]).isdigit():
        sys.stderr.write("usage: python -m harness.load.master_main PLAN.json HOST PORT COUNT\n")
        return 2
    path, host, port, count = Path(arguments[0]), arguments[1], int(arguments[2]), int(arguments[3])
    plan = plan_from_json(path.read_text("utf-8"))
    try:
        address = socket.gethostbyname(host)  # ZeroMQ listens at addresses, not at names
        runner = Environment().create_master_runner(address, port)
    except (OSError, RPCError) as error:
        sys.stderr.write(f"cannot listen for load workers at {host}:{port}: {error}")
        return CANNOT_LISTEN
    master = LoadMaster(plan, path.parent, runner, count)
    harness_pipe.listen(master.obey, master.stop)
    failure = ""
    try:
        master.run()
    except LoadFailed as error:
        failure = str(error)
    except Exception:
        failure = traceback.format_exc()
    master.leave()
    sys.stderr.write(failure)
    return 1 if failure else 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Locust leaves greenlets behind that would hold up a normal exit
