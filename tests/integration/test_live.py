"""`harness run --live`: the page is there while a campaign runs, tells what goes on, and goes."""

import json
import signal
import socket
from pathlib import Path

import httpx
import pytest

from harness.errors import InfrastructureError
from harness.faults.events import FaultEvent
from harness.live import Board, serving
from tests.integration.test_run import FEW_WORKERS
from tests.support import told

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
QUEUE = ("--approach", "queue", *FEW_WORKERS)


def address_of(process):
    for line in process.stdout:
        if line.startswith("live page: "):
            return line.split()[-1]
    raise AssertionError("the campaign ended without an address")


def events(address):
    """Yield what the page is told, until it is told no more."""
    with httpx.stream("GET", f"{address}events", timeout=120) as told_now:
        for line in told_now.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


@pytest.mark.deploys
def test_a_campaign_is_watched_from_its_first_step_to_its_report(cli, tmp_path):
    out = tmp_path / "campaign"
    process = cli.start("run", told.TINY, "--live", "--out", out, *QUEUE)
    address = address_of(process)
    assert "A campaign, live" in httpx.get(address).text

    heard = list(events(address))
    steps = list(dict.fromkeys(state["run"]["step"] for state in heard if state["run"]))
    assert steps[-4:] == ["load", "drain", "collect, audit, save", "tear down"]
    samples = [sample for state in heard if state["run"] for sample in state["samples"]]
    times_s = [sample["t_s"] for sample in samples]
    assert times_s == sorted(times_s)
    assert len(times_s) >= 10
    assert max(sample["requests"] for sample in samples) > 0
    assert (samples[-1]["stock_left"], samples[-1]["backlog"]) == (0, 0)
    assert {"api", "postgres", "payment-worker", "load"} <= set(samples[-1]["cores"])
    assert heard[-1]["finished"][0]["audit"] == "PASS"
    assert heard[-1]["over"] == f"Its report is at {out / 'report' / 'index.html'}"
    assert not heard[-1]["broken"]

    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


@pytest.mark.deploys
def test_ctrl_c_is_told_to_the_page_too(cli, tmp_path):
    out = tmp_path / "campaign"
    process = cli.start("run", told.TINY, "--live", "--out", out, *QUEUE)
    address = address_of(process)
    last = {}
    for last in events(address):
        if last["run"] and last["run"]["step"] == "reset and seed":
            process.send_signal(signal.SIGINT)
    assert last["broken"]
    kept = "interrupted; everything is down; finished runs that are kept: 0"
    assert last["over"].startswith(kept)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_a_port_that_is_taken_is_said_before_anything_is_written(cli, tmp_path):
    out = tmp_path / "campaign"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = cli.run("run", told.TINY, "--live-port", port, "--out", out)
    assert done.returncode == 70
    assert (
        f"error: cannot serve the live page at port {port}: Address already in use" in done.stderr
    )
    assert "hint: free the port" in done.stderr
    assert not out.exists()


@pytest.fixture
def board():
    return Board(Path("results/tiny"))


def test_every_page_is_told_of_the_end_before_the_port_closes(board):
    with serving(board, "<p>page</p>", 0) as address:
        told.begin(board)
        readers = [events(address) for _ in range(3)]
        assert [next(reader)["over"] for reader in readers] == [""] * 3
        board.ends("that was all", broken=False)
    assert [next(reader)["over"] for reader in readers] == ["that was all"] * 3
    assert [list(reader) for reader in readers] == [[], [], []]


def test_a_campaign_that_ends_without_a_word_lets_every_page_go(board):
    with serving(board, "", 0) as address:
        told.begin(board)
        reader = events(address)
        next(reader)
    assert list(reader) == []


def test_a_page_that_does_not_read_holds_nothing_up(board):
    with serving(board, "<p>page</p>", 0) as address:
        told.begin(board)
        host, port = address.removeprefix("http://").removesuffix("/").split(":")
        with socket.create_connection((host, int(port))) as deaf:
            deaf.sendall(f"GET /events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert deaf.recv(8).startswith(b"HTTP/1.0")
            told.steps(board, told.SYNC, "load")
            more_than_buffers_hold = "x" * 20_000_000
            board.fault(told.SYNC, FaultEvent("kill", more_than_buffers_hold, 1.0, is_over=True))
            board.ends("that was all", broken=False)


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("", "localhost", 200),
        ("", "127.0.0.1:9000", 200),
        ("", "evil.example", 421),
        ("events", "evil.example", 421),
        ("other", "localhost", 404),
    ],
)
def test_it_answers_to_its_own_names_alone(board, path, host, status):
    with serving(board, "<p>page</p>", 0) as address:
        assert httpx.get(f"{address}{path}", headers={"Host": host}).status_code == status


def test_a_port_is_free_again_at_once(board):
    with serving(board, "", 0) as address:
        httpx.get(address)
    port = int(address.rstrip("/").split(":")[-1])
    with serving(board, "", port) as again:
        assert again == address
        with pytest.raises(InfrastructureError), serving(board, "", port):
            pass
