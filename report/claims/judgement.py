"""Every claim with what this campaign says of it, and the verdict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from report import numbers
from report.claims import ours, verdict
from report.claims.arithmetic import plain
from report.claims.ours import Nothing
from report.claims.published import Claim, Load, Published
from report.claims.verdict import Ours, Verdict, Word
from report.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim, what was published, what is ours (if anything), and the verdict."""

    claim: Claim
    published: str
    ours: Ours | None
    verdict: Verdict


def judge_all(published: Published, evidence: Evidence) -> list[Judged]:
    """Judge every claim, in the order of the file."""
    other = other_load(published.load, evidence)
    return [_judge(claim, published, evidence, other) for claim in published.claims]


def other_load(load: Load, evidence: Evidence) -> str:
    """Say in what a campaign does not play the published load; nothing if it does."""
    scenario, campaign = evidence.scenario, evidence.campaign
    stages = scenario["stages"]
    expected: tuple[tuple[str, object, object], ...] = (
        ("stages", list(zip(load.users, load.seconds, strict=True)),
         [(stage["users"], float(stage["seconds"])) for stage in stages]),
        ("stock", load.stock, scenario["product"]["stock"]),
        ("payment latency", load.payment_mean_s, scenario["payment"]["mean_s"]),
        ("decline rate", load.decline_rate, scenario["payment"]["decline_rate"]),
        ("buyers", load.buyer, scenario["load"]["buyer"]),
        ("faults", [], list(scenario.get("faults") or ())),
        ("limit per buyer", None, scenario["product"].get("per_user_limit")),
    )  # fmt: skip
    different = [name for name, wanted, found in expected if wanted != found]
    different += [
        f"{key} = {value}"
        for varied in ("scale", "settings")
        for key, value in (campaign.get(varied) or {}).items()
    ]
    return f"another load or system was measured: {', '.join(different)}" if different else ""


def _judge(claim: Claim, published: Published, evidence: Evidence, other: str) -> Judged:
    said = _published(claim)
    if claim.untested is not None:
        return Judged(claim, said, None, _untested(published.reasons[claim.untested]))
    if claim.planned is not None:
        return Judged(claim, said, None, _untested(_setting(claim.planned, claim.value, evidence)))
    if other and claim.queue_is is None and claim.audit is None:
        return Judged(claim, said, None, _untested(other))
    answer = ours.find(claim, evidence)
    if isinstance(answer, Nothing):
        return Judged(claim, said, None, _untested(answer.reason))
    found = _verdict(claim, answer, sized=not other)
    why = "; ".join(part for part in (found.why, claim.reading) if part)
    return Judged(claim, said, answer, Verdict(found.word, why))


def _setting(paths: Sequence[str], published: float | None, evidence: Evidence) -> str:
    found = ours.setting(paths, evidence.summary)
    if found is None:
        return "a setting, which this campaign does not have"
    same = published is not None and found == plain(published)
    return f"a setting; here it is {found}{', too' if same else ''}"


def _untested(reason: str) -> Verdict:
    return Verdict(Word.NOT_TESTED, reason)


def _verdict(claim: Claim, answer: Ours, *, sized: bool) -> Verdict:
    if claim.queue_is is not None:
        equal = 0.0 if claim.unit == "points" else 1.0
        least = _least(claim) if sized else None
        return verdict.direction(claim.queue_is == "more", least, answer, equal)
    if claim.bound is not None and claim.value is not None:
        return verdict.bound(claim.value, claim.bound, answer)
    span = claim.span or (math.nan, math.nan)  # the file is checked: there is one
    return verdict.figure(span, claim.unit, answer)


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
