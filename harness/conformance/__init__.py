"""Whether a shop that is up keeps the contract, as the tests of this project ask of every approach.

The checks buy and ask through the mapping that its compose file declares, so a shop with paths and
words of its own answers for the same things.
"""

from harness.conformance.check import Check, Outcome, Result
from harness.conformance.checks import CHECKS
from harness.conformance.probes import PROBES, Probe, Undecided
from harness.conformance.shop_under_test import Buyer, ShopUnderTest

__all__ = [
    "CHECKS",
    "PROBES",
    "Buyer",
    "Check",
    "Outcome",
    "Probe",
    "Result",
    "ShopUnderTest",
    "Undecided",
]
