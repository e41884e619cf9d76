"""A check of the contract: what it asks in a sentence, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.conformance.shop_under_test import ShopUnderTest


class Violation(Exception):
    """The shop does not keep the contract; the message says what it did."""


class NoAnswer(Violation):
    """A request got no answer; whether that is a violation depends on how busy the shop is."""


class NotSupported(Exception):
    """The shop has no such thing to check; the message says what."""


class Outcome(StrEnum):
    """What came of a check."""

    OK = "ok"
    FAILED = "FAILED"
    NOT_SUPPORTED = "not supported"


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a check, and why it is not `OK`."""

    title: str
    outcome: Outcome
    why: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One check; its title is what holds of a shop that keeps the contract."""

    title: str
    ask: Callable[["ShopUnderTest"], None]

    def __call__(self, shop: "ShopUnderTest") -> Result:
        """Ask a shop; a request that gets no answer is a violation, too."""
        try:
            self.ask(shop)
        except NotSupported as missing:
            return Result(self.title, Outcome.NOT_SUPPORTED, str(missing))
        except Violation as found:
            return Result(self.title, Outcome.FAILED, str(found))
        return Result(self.title, Outcome.OK)


def check(title: str) -> Callable[[Callable[["ShopUnderTest"], None]], Check]:
    """Declare a check by what must hold."""
    return lambda ask: Check(title, ask)


def require(holds: bool, what: object) -> None:
    """Raise Violation, with what was found instead, unless it holds."""
    if not holds:
        raise Violation(str(what))
