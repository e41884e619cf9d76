"""Heartbeats that the processes of a container note in shared memory, and one of them sends."""

import asyncio
import os

import pytest

from approaches.queue import consumer as consumers
from approaches.queue.consumer import Consumer
from approaches.queue.heartbeat import (
    HEARTBEAT_INTERVAL_S,
    HEARTBEAT_TTL_MS,
    Heartbeats,
    shared_memory,
)
from approaches.queue.redis_store import ORDERS

NAMES = ["w-0", "w-1", "w-2"]


class Container:
    """Three processes of one container, a clock, and a Redis that takes what it is sent."""

    def __init__(self):
        self.now_s = 1_000.0
        memory = shared_memory()
        self.processes = [
            Heartbeats(NAMES, index, memory, lambda: self.now_s) for index in range(len(NAMES))
        ]
        self.sent: list[dict[str, int]] = []

    def turn(self, *indices: int, answers: bool = True) -> None:
        """Let the event loops of these processes turn once."""
        for index in indices:
            heartbeats = self.processes[index]
            heartbeats.note()
            if heartbeats.is_due():
                alive = heartbeats.alive()
                self.sent.append(heartbeats.lives_ms(alive))
                heartbeats.taken(alive, 7) if answers else heartbeats.failed()


@pytest.fixture
def container() -> Container:
    return Container()


def test_one_sends_for_all_once_a_second(container):
    container.turn(0, 1, 2)
    container.sent.clear()
    for _ in range(20):
        container.now_s += 0.5
        container.turn(0, 1, 2)
    assert len(container.sent) == 10
    assert all(set(one) == set(NAMES) for one in container.sent)
    assert all(one.is_ok for one in container.processes)


def test_each_sends_at_its_start_at_once(container):
    for index in range(3):
        assert not container.processes[index].is_ok
        container.turn(index)
        assert container.processes[index].is_ok
    assert [NAMES[index] in container.sent[index] for index in range(3)] == [True] * 3


def test_a_heartbeat_counts_from_when_the_event_loop_last_turned_whoever_sends_it(container):
    container.turn(0, 1, 2)
    container.sent.clear()
    for _ in range(8):  # 2 is stuck
        container.now_s += 0.5
        container.turn(0, 1)
    lives_ms = [one[NAMES[2]] for one in container.sent if NAMES[2] in one]
    assert lives_ms == [HEARTBEAT_TTL_MS - 1_000, HEARTBEAT_TTL_MS - 2_000]
    assert NAMES[2] not in container.sent[-1]
    assert not container.processes[2].is_ok
    assert container.processes[0].is_ok


def test_a_sender_that_fails_is_followed_by_another_at_once(container):
    container.turn(0, 1, 2)
    container.now_s += HEARTBEAT_INTERVAL_S
    container.sent.clear()
    container.turn(0, answers=False)
    container.turn(1)
    container.turn(2)
    assert len(container.sent) == 2
    assert set(container.sent[1]) == set(NAMES)


def test_a_sender_that_ends_in_the_middle_of_it_is_followed_by_another(container):
    container.turn(0, 1, 2)
    container.now_s += HEARTBEAT_INTERVAL_S
    container.processes[0].note()
    assert container.processes[0].is_due()  # and it says no more
    container.sent.clear()
    for _ in range(2):
        container.now_s += HEARTBEAT_INTERVAL_S / 2
        container.turn(1)
    assert len(container.sent) == 1


def test_nobody_sends_for_a_process_that_has_withdrawn(container):
    container.turn(0, 1, 2)
    container.processes[1].withdraw()
    container.processes[1].note()
    container.now_s += HEARTBEAT_INTERVAL_S
    container.turn(0)
    assert set(container.sent[-1]) == {NAMES[0], NAMES[2]}


def test_a_process_that_is_started_again_does_not_take_the_heartbeat_of_the_former_for_its_own():
    memory, now_s = shared_memory(), 1_000.0
    former = Heartbeats(NAMES, 0, memory, lambda: now_s)
    former.note()
    former.taken(former.alive(), 7)
    assert former.is_ok
    assert not Heartbeats(NAMES, 0, memory, lambda: now_s).is_ok


def test_the_memory_is_that_of_the_forked_processes_too():
    memory = shared_memory()
    here = Heartbeats(NAMES, 0, memory)
    pid = os.fork()
    if pid == 0:
        Heartbeats(NAMES, 1, memory).note()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert set(here.alive()) == {NAMES[1]}


class Store:
    """Takes heartbeats, and says which epoch it is."""

    def __init__(self):
        self.epoch = 0
        self.beats = 0

    async def beat(self, lives_ms):
        self.beats += 1
        return self.epoch


def test_each_process_learns_of_an_epoch_that_another_was_told_of(monkeypatch):
    monkeypatch.setattr(consumers, "NOTE_INTERVAL_S", 0.001)

    async def scene():
        memory, stores = shared_memory(), [Store(), Store()]
        both = [
            Consumer(store, ORDERS, NAMES[index], Heartbeats(NAMES, index, memory))
            for index, store in enumerate(stores)
        ]
        beating = [asyncio.create_task(one.beat()) for one in both]
        async with asyncio.timeout(10):
            while not all(one.heartbeat_ok for one in both):
                await asyncio.sleep(0.001)
            for one in both:
                one._pending_unknown = False
            for store in stores:
                store.epoch = 8
            before = [store.beats for store in stores]
            while not all(one._pending_unknown for one in both):
                await asyncio.sleep(0.001)
        for task in beating:
            task.cancel()
        await asyncio.gather(*beating, return_exceptions=True)
        return sum(store.beats for store in stores) - sum(before)

    assert asyncio.run(scene()) == 1
