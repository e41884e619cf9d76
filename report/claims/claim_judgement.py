"""Every claim with what this campaign says of it, and the verdict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from report import numbers
from report.claims import claim_verdict, measurement
from report.claims.arithmetic import plain
from report.claims.claim_verdict import ClaimVerdict, Ours, Verdict
from report.claims.measurement import NotMeasured
from report.claims.published import Claim, Load, Published
from report.evidence import Evidence
from report.method import differences

OTHER_LOAD = "another load or system was measured"
DIRECTION_ALONE = "the direction alone: the load is another"


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim, what was published, what is ours (if anything), and the verdict."""

    claim: Claim
    published: str
    ours: Ours | None
    verdict: Verdict


def judge_all(published: Published, evidence: Evidence) -> list[Judged]:
    """Judge every claim, in the order of the file."""
    same_load = not other_load(published.load, evidence)
    return [_judge(claim, published, evidence, same_load=same_load) for claim in published.claims]


def judge_audited(published: Published, evidence: Evidence) -> list[Judged]:
    """Judge the claims that any audited campaign can test, whatever its load."""
    audited = [claim for claim in published.claims if claim.audit is not None]
    return [_judge(claim, published, evidence, same_load=False) for claim in audited]


def other_load(load: Load, evidence: Evidence) -> list[str]:
    """Return in what a campaign does not play the published load with the default systems."""
    scenario = evidence.scenario
    names = {one.name for one in measurement.subjects(evidence).values()}
    measured = [one for one in evidence.campaign.get("variants", ()) if one["name"] in names]
    stages = [(stage["users"], float(stage["seconds"])) for stage in scenario.get("stages") or ()]
    expected: tuple[tuple[str, object, object], ...] = (
        ("stages", list(zip(load.users, load.seconds, strict=True)), stages),
        ("stock", load.stock, scenario["product"]["stock"]),
        ("limit per buyer", None, scenario["product"].get("per_user_limit")),
        ("payment latency", load.payment_mean_s, scenario["payment"]["mean_s"]),
        ("decline rate", load.decline_rate, scenario["payment"]["decline_rate"]),
        ("buyers", load.buyer, scenario["load"]["buyer"]),
        ("faults", [], list(scenario.get("faults") or ())),
        ("settings of the scenario", {}, scenario.get("approach") or {}),
    )
    return [
        *(name for name, wanted, found in expected if wanted != found),
        *dict.fromkeys(one for variant in measured for one in differences(variant)),
    ]


def _judge(claim: Claim, published: Published, evidence: Evidence, *, same_load: bool) -> Judged:
    said = _published(claim)
    try:
        _within_reach(claim, published, evidence, same_load=same_load)
        answer = measurement.find(claim, evidence)
    except NotMeasured as reason:
        return Judged(claim, said, None, Verdict(ClaimVerdict.NOT_TESTED, str(reason)))
    found = _verdict(claim, answer, sized=same_load)
    alone = "" if same_load or claim.value is None or claim.audit else DIRECTION_ALONE
    why = "; ".join(part for part in (found.why, alone, claim.reading) if part)
    return Judged(claim, said, answer, Verdict(found.word, why))


def _within_reach(
    claim: Claim, published: Published, evidence: Evidence, *, same_load: bool
) -> None:
    """Raise NotMeasured if a claim is beyond this campaign, whatever it measured."""
    if claim.untested is not None:
        raise NotMeasured(published.reasons[claim.untested])
    if claim.planned is not None:
        raise NotMeasured(_setting(claim.planned, claim.value, evidence))
    if not same_load and claim.queue_is is None and claim.audit is None:
        raise NotMeasured(OTHER_LOAD)
    if claim.cost is not None and not _published_prices(published, evidence):
        raise NotMeasured("its price table is not the published one")


def _published_prices(published: Published, evidence: Evidence) -> bool:
    """Return True if the costs of a campaign are those of the published bills."""
    cost = evidence.summary["cost"]
    if not cost:
        return True
    expected = {"sync": published.value("bill_sync"), "queue": published.value("bill")}
    bills = (
        cost["variants"][variant.name]["bill"]["value"] == expected[approach]
        for approach, variant in measurement.subjects(evidence).items()
    )
    same_sales = cost["prices"]["sales_per_month"] == published.value("sales_per_month")
    return all(bills) and bool(same_sales)


def _setting(paths: Sequence[str], published: float | None, evidence: Evidence) -> str:
    found = measurement.setting(paths, evidence)
    if found is None:
        return "a setting, which this campaign does not have"
    same = published is not None and found == plain(published)
    return f"a setting; here it is {found}{', too' if same else ''}"


def _verdict(claim: Claim, answer: Ours, *, sized: bool) -> Verdict:
    if claim.queue_is is not None:
        equal = 0.0 if claim.unit == "points" else 1.0
        least = _least(claim) if sized else None
        return claim_verdict.direction(claim.queue_is == "more", least, answer, equal)
    if claim.bound is not None and claim.value is not None:
        return claim_verdict.bound(claim.value, claim.bound, answer)
    span = claim.span or (math.nan, math.nan)  # the file is checked: there is one
    return claim_verdict.figure(span, claim.unit, answer)


def _least(claim: Claim) -> float | None:
    """Return a published size as a factor of at least one, or as points."""
    if claim.value is None:
        return None
    match claim.unit:
        case "% less":
            return math.inf if claim.value >= 100 else 1 / (1 - claim.value / 100)
        case "% more":
            return 1 + claim.value / 100
    return claim.value


def _published(claim: Claim) -> str:
    """Return what was published as it is printed."""
    if claim.span is None:
        return claim.queue_is or numbers.NOTHING
    low, high = (plain(value) for value in claim.span)
    sign = {"least": "≥ ", "most": "≤ ", None: ""}[claim.bound]
    text = f"{sign}{low if low == high else f'{low} to {high}'}"
    return numbers.with_unit(text, claim.unit)
