"""The audit of a contention test: each sale is audited as a run of its own, cut out of the whole.

A slice is what would have been stored if its sale had been the only one: the requests since its
start, the orders of its product and what belongs to them, its row in the stores, its proof of a
clean beginning. The union of the slices is the whole, so nothing that was stored escapes the audit.
What concerns the whole deployment (queues, counters of requests, configuration) is audited on the
whole run.

What concerns an order alone is checked on the whole run first. If it holds there, and nothing joins
one sale with another, it holds in every slice, which hundreds of sales need not prove one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from harness.audit.facts import Facts, with_python_strings
from harness.audit.invariant import EXAMPLES, Invariant, Scope
from harness.results.findings import Finding, Verdict, worst
from harness.results.record import ResetProof, RunRecord, StoreFacts
from harness.results.store import TABLES, RunData
from harness.scenario.sales import SALE_PRODUCT, Sale

NO_SALE = 0
"""Number of the slice that holds what belongs to no sale: registrations, and nothing else."""

_OF_AN_ORDER = ("order_events", "payments", "stock_moves")


def is_contention_test(run: RunData) -> bool:
    """Return True if a run was a contention test of many sales."""
    return bool(run.record.scenario.get("contention"))


def audit_sale_by_sale(run: RunData, invariants: Sequence[Invariant]) -> list[Finding]:
    """Check invariants on every sale, or on the run if they need it; return them in their order.

    A finding is the worst of its sales: it names the sales in which it failed or is unknown, and
    its examples name their sale.
    """
    of_sales = [one for one in invariants if one.scope is not Scope.DEPLOYMENT]
    frames = {name: with_python_strings(getattr(run, name)) for name in TABLES}
    run = RunData(record=run.record, **frames)
    whole = Facts(run)
    try:
        cut = [(number, Facts(sale)) for number, sale in slices(run)]
        holding = _held_by_every_order(whole, of_sales)
        findings = {
            one.id: _sum_up([(number, holding.get(one.id) or one(facts)) for number, facts in cut])
            for one in of_sales
        }
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError) as error:
        why = f"the contention test cannot be cut into sales: {type(error).__name__}: {error}"
        findings = {one.id: one.finding(Verdict.UNKNOWN, why) for one in of_sales}
    return [findings.get(one.id) or one(whole) for one in invariants]


def _held_by_every_order(whole: Facts, invariants: Sequence[Invariant]) -> dict[str, Finding]:
    """Return what was found, by id, for the invariants that surely hold in each slice."""
    if not _is_separable(whole.run):
        return {}
    found = {one.id: one(whole) for one in invariants if one.scope is Scope.ORDER}
    return {name: one for name, one in found.items() if one.verdict is Verdict.PASS}


def _is_separable(run: RunData) -> bool:
    """Return True if every sale had buyers, and no key, answer or charge joins it with another."""
    numbers = _numbers(run)
    asked = run.requests[["key", "stage"]][run.requests["key"] != ""].drop_duplicates()
    if asked["key"].duplicated().any() or run.orders["order_id"].duplicated().any():
        return False
    by_key = asked.set_index("key")["stage"]
    by_order = pd.Series(numbers["orders"], index=run.orders["order_id"])
    joined = (
        (run.orders["key"].map(by_key), numbers["orders"]),
        (run.requests["order_id"].map(by_order), numbers["requests"]),
        (run.charges["reference"].map(by_key), numbers["charges"]),
    )
    apart = any((known.notna() & (known != of)).any() for known, of in joined)
    return not apart and {sale.number for sale in run.record.sales} <= set(asked["stage"])


def slices(run: RunData) -> Iterator[tuple[int, RunData]]:
    """Yield each sale's number and the sale as a run of its own.

    What belongs to no sale comes as number 0 if it holds more than requests: nothing should.
    """
    numbers = _numbers(run)
    tables = {name: _split(getattr(run, name), of) for name, of in numbers.items()}
    for sale in run.record.sales:
        yield sale.number, _slice(run, _record(run.record, sale), tables, sale.number)
    rest = _slice(run, run.record, tables, NO_SALE)
    if any(len(getattr(rest, name)) for name in (*_OF_AN_ORDER, "orders", "charges")):
        yield NO_SALE, rest


Numbers = np.ndarray[Any, np.dtype[np.int64]]


def _numbers(run: RunData) -> dict[str, Numbers]:
    """Return for each table the number of the sale that each row belongs to."""
    by_product = {sale.product_id: sale.number for sale in run.record.sales}
    of_orders = run.orders["product_id"].map(by_product).fillna(NO_SALE).astype("int64")
    by_order = dict(zip(run.orders["order_id"], of_orders, strict=True))
    bought = run.requests[run.requests["key"] != ""]
    by_key = dict(zip(bought["key"], bought["stage"], strict=True))
    # a charge whose order is unknown belongs to the attempt that it refers to
    charged = run.charges["order_id"].map(by_order)
    charged = charged.fillna(run.charges["reference"].map(by_key))
    numbers = {name: getattr(run, name)["order_id"].map(by_order) for name in _OF_AN_ORDER}
    numbers |= {"orders": of_orders, "charges": charged, "requests": run.requests["stage"]}
    return {name: of.fillna(NO_SALE).to_numpy(dtype=np.int64) for name, of in numbers.items()}


def _split(table: pd.DataFrame, numbers: Numbers) -> dict[int, pd.DataFrame]:
    groups = table.groupby(numbers, sort=False)
    return {int(str(number)): rows.reset_index(drop=True) for number, rows in groups}


def _slice(
    run: RunData,
    record: RunRecord,
    tables: dict[str, dict[int, pd.DataFrame]],
    number: int,
) -> RunData:
    rows = {name: split.get(number, getattr(run, name).iloc[:0]) for name, split in tables.items()}
    if number != NO_SALE:
        # the invariants know the one product of a sale by its number
        rows["orders"] = rows["orders"].assign(product_id=SALE_PRODUCT)
    return replace(run, record=record, **rows)


def _record(record: RunRecord, sale: Sale) -> RunRecord:
    """Return the record as one sale would have it."""
    product = record.scenario["product"] | {"stock": sale.stock}
    changes = {
        "scenario": record.scenario | {"product": product},
        "reset_proof": _proof(record.reset_proof, sale.product_id),
        "store": _store(record.store, sale.product_id),
    }
    return record.model_copy(update=changes)


def _proof(proof: ResetProof | None, product_id: int) -> ResetProof:
    if proof is None or proof.sales is None:
        raise ValueError("run.json has no reset_proof.sales")
    offer = next(offer for offer in proof.sales if offer.product_id == product_id)
    redis = proof.redis and proof.redis.model_copy(update={"stock": offer.redis_stock})
    offered = {"product": offer.product, "stock_over_http": offer.stock_over_http}
    return proof.model_copy(update={**offered, "redis": redis})


def _store(store: StoreFacts, product_id: int) -> StoreFacts:
    products = [
        row.model_copy(update={"id": SALE_PRODUCT})
        for row in store.products or ()
        if row.id == product_id
    ]
    redis = store.redis
    if redis is not None:
        redis = redis.model_copy(update={"stock": redis.stocks.get(str(product_id))})
    return store.model_copy(update={"products": products, "redis": redis})


def _sum_up(found: Sequence[tuple[int, Finding]]) -> Finding:
    """Return one finding for what an invariant found in all sales."""
    verdict = worst(finding.verdict for _, finding in found)
    failed = tuple(number for number, one in found if one.verdict is Verdict.FAIL)
    unknown = tuple(number for number, one in found if one.verdict is Verdict.UNKNOWN)
    first = next(finding for _, finding in found if finding.verdict is verdict)
    bad = [(number, finding) for number, finding in found if finding.verdict is verdict]
    examples = (
        {"sale": number, **example} for number, finding in bad for example in finding.examples
    )
    summary = f"held in all {len(found)} sales"
    if verdict is not Verdict.PASS:
        number = bad[0][0]
        summary = f"{verdict} in {len(bad)} of {len(found)} sales; sale {number}: {first.summary}"
    return replace(
        first,
        summary=summary,
        count=sum(finding.count for _, finding in found),
        examples=tuple(example for example, _ in zip(examples, range(EXAMPLES), strict=False)),
        offences={},
        failed_sales=failed,
        unknown_sales=unknown,
    )
