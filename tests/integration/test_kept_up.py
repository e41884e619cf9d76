"""A deployment that is kept up by hand: brought up, reset, and taken down from other terminals."""

import json
import os
import re
import signal
import socket
import stat

import psutil
import psycopg
import pytest

from harness.runtimes import list_running
from tests.integration.test_run import TINY, wait_for
from tests.integration.test_wrong_usage import refused
from tests.support.by_hand import buy_at

pytestmark = [pytest.mark.integration, pytest.mark.deploys, pytest.mark.timeout(300)]
SMALL = [
    *("--scale", "api=1", "--scale", "payment-worker=1"),
    *("--set", "api.PROCESSES=1", "--set", "order-worker.PROCESSES=1"),
    *("--set", "payment-worker.PROCESSES=1"),
]
QUEUE = ["up", "queue", "--port", 0, "--scenario", TINY, *SMALL]
SYNC = ["up", "sync", "--port", 0, "--scenario", TINY]


def kept_in(cli):
    return list_running(cli.scratch / f"flashsale-{os.getuid()}")


@pytest.fixture
def by_hand(cli):
    """The command line; whatever a test that failed leaves up is taken down."""
    yield cli
    for one in kept_in(cli):
        cli.run("down", one.approach)


def done_well(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wait_until_it_is_up(process):
    """Wait for its last word: others know of it a moment before."""
    while "Ctrl-C takes it down" not in process.stdout.readline():
        assert process.poll() is None


def test_up_buy_reset_down(by_hand):
    said = done_well(by_hand.run(*QUEUE, "--detach"))
    (one,) = kept_in(by_hand)
    address = re.search(r"shop +(http://127.0.0.1:\d+)\n", said)[1]
    assert address == one.addresses.shop
    assert re.search(r"PostgreSQL +postgresql://postgres@127.0.0.1:\d+/shop\n", said)
    assert re.search(r"api +http://127.0.0.1:\d+\n", said)
    assert str(one.file) in said
    assert stat.S_IMODE(one.file.stat().st_mode) == 0o600

    bought = done_well(buy_at(address))
    assert re.search(r'"status":"(confirmed|declined)"', bought.splitlines()[-1])
    assert "event: status" in bought
    with psycopg.connect(one.addresses.dsn) as ledger:
        assert ledger.execute("SELECT count(*) FROM orders").fetchone() == (1,)

    assert address in done_well(by_hand.run("list"))
    again = done_well(by_hand.run("reset"))
    for table in ("users", "orders", "payments"):
        assert f"{table} 0" in again
    assert "stock of product 1: ledger 40, shop 40, Redis 40" in again
    with psycopg.connect(one.addresses.dsn) as ledger:
        assert ledger.execute("SELECT count(*) FROM orders").fetchone() == (0,)

    refused(by_hand.run(*QUEUE, "--detach"), 64, "queue is up already", str(one.pid))
    campaign = by_hand.scratch / "c"
    refused(by_hand.run("run", TINY, "--out", campaign), 70, "queue", "harness down queue")
    assert not campaign.exists()

    assert "queue is down" in done_well(by_hand.run("down", "queue"))
    assert by_hand.left_behind() == []
    assert list(by_hand.scratch.iterdir()) == []
    assert "nothing is up" in done_well(by_hand.run("down"))


def test_two_approaches_at_once(by_hand):
    done_well(by_hand.run(*QUEUE, "--detach"))
    done_well(by_hand.run(*SYNC, "--detach"))
    queue, sync = kept_in(by_hand)
    for command in ("down", "reset"):
        refused(by_hand.run(command), 64, f"pid {queue.pid}", f"pid {sync.pid}", "which one")
    assert "shop 40" in done_well(by_hand.run("reset", "sync"))
    assert done_well(buy_at(sync.addresses.shop))
    assert "queue is down" in done_well(by_hand.run("down", "queue"))
    assert kept_in(by_hand) == [sync]
    assert "sync is down" in done_well(by_hand.run("down"))
    assert list(by_hand.scratch.iterdir()) == []


def test_a_killed_keeper_is_cleaned_up_after(by_hand):
    done_well(by_hand.run(*SYNC, "--detach"))
    (one,) = kept_in(by_hand)
    psutil.Process(one.pid).kill()
    refused(by_hand.run("down"), 70, "harness clean")
    assert "removed" in done_well(by_hand.run("clean"))
    assert by_hand.left_behind() == []
    assert list(by_hand.scratch.iterdir()) == []


def test_what_dies_is_told_and_the_rest_stays_up(by_hand):
    process = by_hand.start(*SYNC)
    wait_until_it_is_up(process)
    (one,) = kept_in(by_hand)
    owners = one.file.parents[1].glob("*/owner.json")
    started = [row for path in owners for row in json.loads(path.read_text())["processes"]]
    (worker,) = (row["pid"] for row in started if row["name"] == "payment-gateway-1")
    psutil.Process(worker).kill()
    assert re.match(r"died: payment-gateway-1; its log: /\S+\n", process.stdout.readline())
    assert "shop 40" in done_well(by_hand.run("reset"))
    done_well(by_hand.run("down"))
    process.communicate(timeout=60)


@pytest.fixture
def in_a_terminal():
    """A closed terminal means something also where the tests are run by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("in_a_terminal")
def test_in_the_foreground_ctrl_c_and_down_end_it(by_hand):
    for end in (
        lambda process: process.send_signal(signal.SIGINT),
        lambda process: process.send_signal(signal.SIGHUP),
        lambda _: done_well(by_hand.run("down")),
    ):
        process = by_hand.start(*SYNC)
        wait_until_it_is_up(process)
        end(process)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        assert "taking it down" in output
        assert list(by_hand.scratch.iterdir()) == []


def test_ctrl_c_while_it_comes_up_in_the_background(by_hand):
    process = by_hand.start(*SYNC, "--detach")
    wait_for(lambda: len(by_hand.left_behind()) > 2, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert list(by_hand.scratch.iterdir()) == []


def test_what_keeps_it_from_coming_up_is_told_in_the_terminal(by_hand):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(by_hand.run("up", "sync", "--port", port, "--detach"), 70, str(port))
    refused(
        by_hand.run(*SYNC, "--detach", "--set", "api.HASH_THREADS=many"), 70, "api", "HASH_THREADS"
    )
    assert list(by_hand.scratch.iterdir()) == []


def test_nothing_comes_up_beside_a_measurement(by_hand, tmp_path):
    process = by_hand.start("run", TINY, "--out", tmp_path / "c", "--approach", "sync")
    wait_for(by_hand.left_behind, process)
    refused(by_hand.run(*SYNC, "--detach"), 70, "measuring", str(tmp_path / "c"))
    assert kept_in(by_hand) == []
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
