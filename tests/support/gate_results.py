"""Results of gates, one of each kind, for whoever tells of them."""

from dataclasses import replace

from harness.errors import ExitCode
from harness.gate.result import (
    InvalidRun,
    Look,
    Offence,
    Result,
    Row,
    Ruling,
    RunOf,
    Side,
    WarnedRun,
)

LATENCY = Row(
    subject="queue",
    metric="purchase_latency_peak_p95_ms",
    title="Purchase latency at peak, p95",
    unit="ms",
    digits=0,
    better="lower",
    base=812.4,
    head=820.123456789012,
    kind="ratio",
    change=1.0095,
    low=0.962,
    high=1.059,
    tolerance=0.15,
    limit=8000.0,
    blocks=3,
    ruling=Ruling.PASS,
    why="0.95 % worse, 3.8 % better to 5.9 % worse; tolerated: 15 % worse",
)
ERRORS = replace(
    LATENCY,
    metric="http_error_rate_pct",
    title="HTTP error rate",
    unit="%",
    digits=2,
    base=0.0,
    head=0.25,
    kind="difference",
    change=0.25,
    low=0.1,
    high=0.4,
    tolerance=1.0,
    limit=None,
    why="0.25 points worse",
)
THROUGHPUT = replace(
    LATENCY,
    subject="sync",
    metric="orders_per_s",
    title="Confirmed orders per second",
    unit="orders/s",
    digits=1,
    better="higher",
    base=100.0,
    head=98.0,
    change=0.98,
    low=0.95,
    high=1.01,
    limit=50.0,
    why="2 % worse",
)
SLOWER = replace(
    LATENCY,
    head=990.0,
    change=1.2186,
    low=1.17,
    high=1.27,
    ruling=Ruling.FAIL,
    why="21.9 % worse, 17 % worse to 27 % worse; tolerated: 15 % worse",
)
OPEN = replace(
    LATENCY,
    low=0.85,
    high=1.22,
    blocks=8,
    ruling=Ruling.INCONCLUSIVE,
    why="1 % worse, 15 % better to 22 % worse; tolerated: 15 % worse, which was seen",
)
UNMEASURED = replace(
    LATENCY,
    base=None,
    head=None,
    kind="none",
    change=None,
    low=None,
    high=None,
    limit=None,
    ruling=Ruling.INCONCLUSIVE,
    why="it cannot be measured in head: see the report of the campaign",
)

RUN = RunOf("contention", 2, 1, "queue", "head")
OVERSOLD = Offence(
    RUN, "I1", "Nothing is oversold", "FAIL", "sale 17: 3 units too many <b>|</b> `x`"
)
UNKNOWN = Offence(RUN, "I4", "No order is lost", "UNKNOWN", "the ledger could not be read")
SATURATED = InvalidRun(
    RunOf("comparison-sync", 5, 2, "sync", "base"), ("generator CPU: 97 %", "L ≠ λW")
)
DISTURBED = WarnedRun(
    RunOf("comparison-queue", 6, 3, "queue", "head"),
    ("the hypervisor withheld 31.7 % of the machine's time",),
)

PASSING = Result(
    mode="base",
    exit_code=ExitCode.OK,
    statement="nothing was oversold or lost, and head is no worse than base",
    base=Side("origin/main", "0123abc", False, "sha256:aa", "sha256:bb"),
    head=Side("working tree", "4567def", True, "sha256:cc", "sha256:bb"),
    scenario="ci",
    contention="ci_contention",
    seed=42,
    runtime="local",
    created_at="2026-03-01T12:34:56+01:00",
    took_s=487.3,
    rows=(LATENCY, ERRORS, THROUGHPUT),
    looks=(Look("comparison-queue", 3, (LATENCY, ERRORS, THROUGHPUT)),),
    audited_runs=14,
    audited_sales=2012,
    campaigns=("contention", "comparison-queue"),
    environment={
        "cores": 2,
        "argv": ["harness", "gate", "--base", "main", "--out", "x", "--approach=queue"],
    },
)
REGRESSION = replace(
    PASSING,
    exit_code=ExitCode.REGRESSION,
    statement="head is worse than base: queue: Purchase latency at peak, p95: 21.9 % worse",
    rows=(SLOWER, ERRORS, THROUGHPUT),
    looks=(Look("comparison-queue", 3, (SLOWER, ERRORS, THROUGHPUT)),),
    confirmations=(Look("confirmation-queue", 3, (SLOWER, ERRORS)),),
)
INCORRECT = replace(
    PASSING,
    exit_code=ExitCode.CORRECTNESS,
    statement="the audit failed: contention, run 2 (queue, head): I1 Nothing is oversold",
    rows=(),
    looks=(),
    offences=(OVERSOLD, UNKNOWN),
)
INCONCLUSIVE = replace(
    PASSING,
    exit_code=ExitCode.INCONCLUSIVE,
    statement="not decided: queue: Purchase latency at peak, p95",
    rows=(OPEN, ERRORS, THROUGHPUT),
    warned_runs=(DISTURBED,),
)
UNDECIDED_FAILS = replace(INCONCLUSIVE, exit_code=ExitCode.REGRESSION)
UNDECIDED_PASSES = replace(INCONCLUSIVE, exit_code=ExitCode.OK)
UNMEASURABLE = replace(INCONCLUSIVE, rows=(UNMEASURED, ERRORS))
INVALID = replace(
    PASSING,
    exit_code=ExitCode.INVALID,
    statement="runs contradict themselves: comparison-sync, run 5 (sync, base): generator at 97 %",
    rows=(SLOWER, ERRORS),
    invalid_runs=(SATURATED,),
)
NOT_COMPARABLE = replace(
    PASSING,
    mode="baseline",
    exit_code=ExitCode.NO_BASELINE,
    statement="the baseline asked something else",
    base=Side("results/baseline.json", None, False, "", ""),
    contention=None,
    rows=(),
    looks=(),
    reasons=("scenario: ci, then quick", "runtime: local, then docker"),
    audited_runs=0,
    audited_sales=0,
    campaigns=(),
    environment={},
)
REFUSED = replace(
    NOT_COMPARABLE,
    mode="base",
    exit_code=ExitCode.INFRASTRUCTURE,
    statement="another harness is measuring on this machine (pid 7: campaign results/x)",
    reasons=(),
)
AGAINST_BASELINE = replace(
    PASSING,
    mode="baseline",
    rows=(replace(LATENCY, subject="queue ÷ sync", unit="", base=2.5, head=2.6, limit=None),),
    environment={},
)

EACH = {
    "passing": PASSING,
    "regression": REGRESSION,
    "incorrect": INCORRECT,
    "inconclusive": INCONCLUSIVE,
    "undecided fails": UNDECIDED_FAILS,
    "undecided passes": UNDECIDED_PASSES,
    "unmeasurable": UNMEASURABLE,
    "invalid": INVALID,
    "not comparable": NOT_COMPARABLE,
    "refused": REFUSED,
    "against a baseline": AGAINST_BASELINE,
}
