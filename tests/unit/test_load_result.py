"""What the generators wrote becomes tables, or an error if something is missing."""

import json

import pytest

from harness.errors import InfrastructureError
from harness.load import LoadPlan, collect
from harness.load.load_plan import ContentionPlan, PlannedStage
from harness.load.request_log import RequestLog, end_file_of
from harness.scenario.sales import Sale
from tests.support.plans import plan_of

S = 1_000_000_000


@pytest.fixture
def folder(tmp_path):
    plan = plan_of(
        LoadPlan,
        address="http://127.0.0.1:1", product_id=1, seed=1, key_prefix="1-", user_offset=0,
        stages=(PlannedStage("up", 2, 1.0, 10.0), PlannedStage("down", 0, 2.0, 10.0)),
        buyer="polling", think_min_s=0.0, think_max_s=1.0, poll_interval_s=0.5,
        request_timeout_s=1.0, watch_limit_s=1.0, processes=2, retries=0,
    )  # fmt: skip
    (tmp_path / "plan.json").write_text(plan.to_json())
    return tmp_path


def row(user, sent_ns, endpoint="buy", **changes):
    fields = {
        "user": user, "endpoint": endpoint, "intended_ns": sent_ns - 5, "sent_ns": sent_ns,
        "done_ns": sent_ns + 10, "think_ns": 0, "status": 202, "outcome": "accepted", "error": "",
        "key": "1-0-0", "try": 0, "order_id": "ü-1", "order_status": "accepted", "version": 1,
        "replayed": False, "code": "", "quantity": 1, "amount_cents": -1,
    }  # fmt: skip
    return tuple((fields | changes).values())


def write(folder, process, rows, *, clock=(), buyers=(), killed=0):
    with RequestLog(folder, process) as ledger:
        for one in rows:
            ledger.request(one)
        for one in clock:
            ledger.clock(one)
        for one in buyers:
            ledger.buyer(one)
        ledger.close_with(locust=len(rows), killed=killed)


def test_a_request_belongs_to_the_stage_in_which_it_was_sent(folder):
    sent = [-1, 0, S - 1, S, 3 * S - 1, 3 * S]
    write(folder, 0, [row(0, sent_ns) for sent_ns in sent])
    write(folder, 1, [])
    requests = collect(folder).requests
    assert list(requests["stage"]) == [0, 1, 1, 2, 2, 3]


def test_a_request_of_a_contention_test_belongs_to_the_sale_whose_barrier_opened_last(tmp_path):
    plan = plan_of(
        ContentionPlan,
        address="http://127.0.0.1:1", seed=1, key_prefix="1-", user_offset=0, buyer="polling",
        think_min_s=0.0, think_max_s=1.0, poll_interval_s=0.5, request_timeout_s=1.0,
        watch_limit_s=1.0, processes=1, retries=0, buyers=1,
        sales=(Sale(1, 1001, 5), Sale(2, 1002, 3)),
    )  # fmt: skip
    (tmp_path / "plan.json").write_text(plan.to_json())
    rings = [123_456_789_123, 123_456_789_124]
    clock = [(ns / 1e9, ns / 1e9, 1, 1, 1) for ns in rings]
    sent = [0, rings[0] - 1, rings[0], rings[1], rings[1] + S]
    write(tmp_path, 0, [row(0, sent_ns) for sent_ns in sent], clock=clock)
    result = collect(tmp_path)
    assert list(result.requests["stage"]) == [0, 0, 1, 2, 2]
    assert list(result.clock["active"]) == [1, 1]


def test_ledgers_of_all_processes_are_put_together(folder):
    write(folder, 0, [row(0, 30, replayed=True), row(2, 10)], buyers=[(0, 1, 50, 60, 7)])
    write(folder, 1, [row(1, 20, status=0, error="timeout")], buyers=[(1, 2, -1, 70, 0)])
    result = collect(folder)
    requests = result.requests
    assert list(requests["user"]) == [2, 1, 0]
    assert list(requests["process"]) == [0, 1, 0]
    assert list(requests["error"]) == ["", "timeout", ""]
    assert list(requests["replayed"]) == [False, False, True]
    assert set(requests["order_id"]) == {"ü-1"}
    assert list(result.buyers["left_ns"]) == [60, 70]
    assert list(result.buyers["user_id"]) == [7, 0]
    assert result.recorded == result.locust_requests == len(requests) == 3
    assert {str(requests[name].dtype) for name in ("sent_ns", "done_ns", "think_ns")} == {"int64"}
    assert str(requests["status"].dtype) == "int16"
    assert str(requests["stage"].dtype) == "int16"


def test_a_field_may_hold_every_character_at_which_text_is_split_into_lines(folder):
    """Known bad: str.splitlines also splits at U+2028, which JSON does not escape."""
    separators = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
    texts = [f"before{separator}after" for separator in separators]
    write(folder, 0, [row(0, sent_ns, code=text) for sent_ns, text in enumerate(texts)])
    write(folder, 1, [])
    assert list(collect(folder).requests["code"]) == texts


def test_clocks_add_up_where_a_process_stalled_or_has_finished(folder):
    write(
        folder, 0, [],
        clock=[(0, 0.001, 0.0, 0, 0), (1, 1.0, 2.0, 1, 1), (2, 2.0, 1.0, 1, 1), (3, 3.0, 0, 0, 0)],
    )  # fmt: skip
    write(
        folder, 1, [],
        clock=[(0, 0.002, 0.0, 0, 0), (2, 2.2, 0.8, 1, 1), (3, 3.0, 0, 0, 1), (4, 3.4, 0, 0, 0)],
    )  # fmt: skip
    clock = collect(folder).clock
    assert list(clock["t_s"]) == [0.002, 1.0, 2.2, 3.0, 3.4]
    assert list(clock["active"]) == [0, 1, 2, 0, 0]
    assert list(clock["alive"]) == [0, 1, 2, 1, 0]


def test_a_load_without_a_request_is_still_a_table(folder):
    write(folder, 0, [])
    write(folder, 1, [])
    result = collect(folder)
    assert len(result.requests) == len(result.buyers) == len(result.clock) == 0
    assert "stage" in result.requests.columns


def test_what_locust_counted_is_kept_even_if_it_differs(folder):
    write(folder, 0, [row(0, 1)])
    write(folder, 1, [])
    end_file_of(folder, 1).write_text(json.dumps({"recorded": 0, "locust": 4, "killed": 0}))
    result = collect(folder)
    assert (len(result.requests), result.locust_requests) == (1, 5)


def test_a_ledger_without_its_end_is_not_believed(folder):
    write(folder, 0, [row(0, 1)])
    with pytest.raises(InfrastructureError, match=r"generator 1 is incomplete: .*end-1\.json"):
        collect(folder)


def test_a_buyer_killed_in_the_middle_of_a_request_spoils_the_ledger(folder):
    write(folder, 0, [row(0, 1)])
    write(folder, 1, [], killed=2)
    with pytest.raises(InfrastructureError, match="2 buyers of load generator 1"):
        collect(folder)


def test_a_ledger_is_never_continued(folder):
    write(folder, 0, [])
    with pytest.raises(FileExistsError):
        RequestLog(folder, 0)
