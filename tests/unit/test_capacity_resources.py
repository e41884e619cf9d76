"""What gave out: each resource in a run in which it did, and none where nothing did."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.analysis.laws.arrival_laws import ON_TIME
from harness.analysis.run_facts import RunFacts
from harness.capacity.capacity_document import Kind
from harness.capacity.resources import has_given_out, merged, resources, what_gave_out
from harness.results.findings import Law, Verdict
from tests.support.histories import make_run
from tests.support.records import edited

LATE = Law(ON_TIME, Verdict.FAIL, 0.4, 0.01, "40 of 100 buyers came more than 100 ms late")


@pytest.fixture(scope="module")
def light():
    """A load that nothing of the queue minds."""
    return make_run("queue", users=12, stock=500, seconds=16)


@pytest.fixture(scope="module")
def crowded():
    """More buyers than the four threads of sync can serve."""
    return make_run("sync", users=40, stock=5_000, seconds=16)


def with_cpu(run, **cores):
    """A run in which sources used so many cores, all the time."""
    kept = run.telemetry
    kept = kept[~((kept["metric"] == "cpu_s") & kept["source"].isin(list(cores)))]
    rows = [
        (float(t_s), source, "cpu_s", t_s * used)
        for source, used in cores.items()
        for t_s in range(int(run.record.load_s) + 2)
    ]
    added = pd.DataFrame(rows, columns=kept.columns)
    return replace(run, telemetry=pd.concat([kept, added], ignore_index=True))


def gave_out(run, laws=()):
    found = what_gave_out(resources(RunFacts(run), laws))
    return None if found is None else (found.kind, found.name)


def test_nothing_gives_out_under_a_light_load(light):
    assert gave_out(light) is None
    found = resources(RunFacts(light))
    assert {one.kind for one in found} == {*Kind} - {Kind.WORLD, Kind.NODE}
    assert all(0 <= one.full <= 1 for one in found)


def test_a_generator_without_a_core_to_spare(light):
    assert gave_out(with_cpu(light, load=0.97)) == (Kind.GENERATOR, "load generator")


def test_a_generator_that_sends_late_on_a_machine_with_room_to_spare(light):
    assert gave_out(light, [LATE]) == (Kind.GENERATOR, "load generator")
    passed = replace(LATE, verdict=Verdict.PASS)
    assert gave_out(light, [passed]) is None


def test_a_full_machine_makes_the_generator_late_and_not_the_other_way_round(light):
    full = with_cpu(light, machine=2.0, load=0.5, api=1.2)
    assert gave_out(full, [LATE]) == (Kind.MACHINE, "machine")
    (machine,) = [one for one in resources(RunFacts(full)) if one.kind is Kind.MACHINE]
    assert "generator 0.50" in machine.words


@pytest.mark.parametrize(
    ("service", "cores"), [("redis", 0.98), ("order-worker", 0.95), ("payment-worker", 5.8)]
)
def test_a_service_whose_processes_each_have_no_core_to_spare(light, service, cores):
    busy = with_cpu(light, **{service: cores})
    assert gave_out(edited(busy, lambda record: record.update(cores=16))) == (
        Kind.SERVICE,
        service,
    )


def test_the_number_of_processes_that_work_is_stated_by_the_service(light):
    def state(record):
        record["cores"] = 16
        record["topology"]["services"]["order-worker"]["environment"] = {"PROCESSES": "4"}

    busy = with_cpu(light, **{"order-worker": 0.95})
    assert gave_out(edited(busy, state)) is None
    assert gave_out(edited(with_cpu(light, **{"order-worker": 3.9}), state)) == (
        Kind.SERVICE,
        "order-worker",
    )


def test_a_process_that_uses_several_cores_is_not_bound_to_one(light):
    busy = edited(with_cpu(light, postgres=2.5), lambda record: record.update(cores=16))
    assert gave_out(busy) is None


def test_a_service_that_is_held_to_its_limit(light):
    def limit(record):
        record["cores"] = 16
        record["deployment"] = {
            "runtime": "docker",
            "limits": {"nginx": {"cpus": 0.5, "memory_bytes": None, "enforced": True}},
        }

    assert gave_out(edited(with_cpu(light, nginx=0.49), limit)) == (Kind.SERVICE, "nginx")


def on_nodes(record):
    record["deployment"] = {
        "runtime": "docker",
        "nodes": {
            "front": {"here": True, "cpus": 2, "replicas": ["nginx-1"]},
            "stores": {"here": False, "cpus": 4, "replicas": ["postgres-1"]},
        },
    }


def test_another_machine_without_a_core_to_spare_is_the_systems_own(light):
    spare = edited(with_cpu(light, **{"node:front": 0.2, "node:stores": 3.0}), on_nodes)
    assert gave_out(spare) is None
    full = edited(with_cpu(light, **{"node:front": 0.2, "node:stores": 3.9}), on_nodes)
    assert gave_out(full) == (Kind.NODE, "node stores")


def test_a_service_on_another_machine_may_use_more_cores_than_this_one_has(light):
    def state(record):
        on_nodes(record)
        record["topology"]["services"]["order-worker"]["environment"] = {"PROCESSES": "4"}

    busy = with_cpu(light, **{"node:front": 0.2, "node:stores": 2.5, "order-worker": 2.5})
    assert gave_out(edited(busy, state)) is None


def test_the_payment_gateway_is_no_part_of_the_system(light):
    def add(record):
        record["cores"] = 16
        record["topology"]["services"]["payment-gateway"] = {"replicas": 1}
        record["topology"]["world"] = ["payment-gateway"]

    counted = pd.DataFrame(
        [(float(t_s), "payment-gateway", "processes", 1.0) for t_s in range(17)],
        columns=light.telemetry.columns,
    )
    run = replace(light, telemetry=pd.concat([light.telemetry, counted], ignore_index=True))
    busy = edited(with_cpu(run, **{"payment-gateway": 0.97}), add)
    assert gave_out(busy) == (Kind.WORLD, "payment-gateway")


def test_payment_slots_that_all_have_a_charge_under_way(crowded):
    assert gave_out(crowded) == (Kind.SLOTS, "payment slots")
    (slots,) = [one for one in resources(RunFacts(crowded)) if one.kind is Kind.SLOTS]
    assert slots.full > 0.9
    assert "all 4 had a charge under way" in slots.words


def test_sessions_that_wait_for_locks_of_the_ledger(light):
    waits = light.telemetry["metric"] == "locks_waiting"
    locked = light.telemetry.assign(value=light.telemetry["value"].where(~waits, 3.0))
    assert gave_out(replace(light, telemetry=locked)) == (Kind.LOCKS, "locks of postgres")


def test_what_is_not_the_system_comes_first_and_locks_come_last(crowded):
    waits = crowded.telemetry["metric"] == "locks_waiting"
    locked = crowded.telemetry.assign(value=crowded.telemetry["value"].where(~waits, 3.0))
    busy = with_cpu(replace(crowded, telemetry=locked), load=0.99, machine=2.0, api=0.91)
    kinds = [one.kind for one in resources(RunFacts(busy)) if has_given_out(one)]
    assert kinds == [Kind.GENERATOR, Kind.MACHINE, Kind.SERVICE, Kind.SLOTS, Kind.LOCKS]


def test_a_reading_that_came_late_does_not_unbind_a_process(light):
    """One interval seems to have more than there is, and the next one less."""
    busy = with_cpu(light, redis=0.97)
    late = (busy.telemetry["source"] == "redis") & (busy.telemetry["t_s"] == 10.0)
    shifted = busy.telemetry.assign(t_s=busy.telemetry["t_s"].where(~late, 9.2))
    assert gave_out(replace(busy, telemetry=shifted)) == (Kind.SERVICE, "redis")


def test_what_was_not_sampled_is_not_said_to_be_free(light):
    blind = replace(light, telemetry=light.telemetry[:0])
    assert [one.kind for one in resources(RunFacts(blind))] == [Kind.SLOTS]


def test_the_runs_of_a_level_are_judged_together(light, crowded):
    runs = [resources(RunFacts(with_cpu(light, redis=use))) for use in (0.99, 0.1, 0.1)]
    (redis,) = [one for one in merged(runs) if one.name == "redis"]
    assert redis.full == pytest.approx(1 / 3)
    names = {one.name for one in merged([runs[0], resources(RunFacts(crowded))])}
    assert "redis" not in names
    assert "payment slots" in names
