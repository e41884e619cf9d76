"""The law of a contention test: that all of its sales took place."""

from collections.abc import Iterator

from harness.analysis.run_facts import RunFacts
from harness.results.findings import Law, Verdict

EVERY_SALE = "every sale took place"


def every_sale_took_place(facts: RunFacts) -> Iterator[Law]:
    """In every sale, every buyer made one attempt and was waited for."""
    contention = facts.scenario["contention"]
    bought = facts.purchases_with("stage", "user", "key").drop_duplicates()
    attempts = bought.groupby("stage").agg(users=("user", "nunique"), keys=("key", "nunique"))
    complete = (attempts["users"] == contention["buyers"]) & (
        attempts["keys"] == contention["buyers"]
    )
    held, planned = int(complete.sum()), int(contention["sales"])
    detail = f"{held} of {planned} sales with an attempt of each of {contention['buyers']} buyers"
    verdict = Verdict.PASS if held == planned == len(attempts) else Verdict.FAIL
    missing = (planned - held) / planned
    yield Law(EVERY_SALE, verdict, missing, 0.0, detail, left=planned, right=held, unit="sales")
