"""The whole self-test: what the generator can do, then the campaign of the three variants.

results/selftest-<time>/campaign/    their campaign; `harness report` renders it
results/selftest-<time>/selftest.json
"""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import campaign
from harness.analysis import derived
from harness.analysis.summary import plain
from harness.campaign import Observer, Request
from harness.errors import UsageError
from harness.results.store import Campaign, write_json
from harness.runtimes import Runtime
from harness.runtimes.delaying_proxy import MOST_CONNECTIONS
from harness.scenario.model import Scenario
from harness.selftest.copies import three_of
from harness.selftest.generator_limits import Limits, measure
from harness.selftest.null_shop import null_shop
from harness.selftest.selftest_judgement import Judgement, judge
from harness.topology import Topology

SCHEMA_VERSION = 1
"""Version of selftest.json; a change is listed in CHANGELOG.md."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What is tested: an approach, under a scenario; where the results go."""

    approach: Topology
    scenario: Scenario
    source: str
    out: Path

    def check(self) -> None:
        """Raise UsageError for a scenario whose runs cannot be compared, or are too large."""
        scenario = self.scenario
        if scenario.contention is not None or scenario.cases:
            what = "contention test" if scenario.contention is not None else "cases"
            raise UsageError(
                f"{self.source}: {what}: nothing is ranked, so nothing can be compared",
                "give the self-test a scenario of stages, or of an open load",
            )
        most = scenario.open.at_once if scenario.open is not None else scenario.peak_users
        if most > MOST_CONNECTIONS:
            raise UsageError(
                f"{self.source}: {most} buyers at once: the delaying proxy takes "
                f"{MOST_CONNECTIONS} connections",
                "give the self-test a smaller scenario",
            )


def measure_generator(on_message: Callable[[str], None]) -> Limits:
    """Measure what the load generator of this machine can do."""
    with tempfile.TemporaryDirectory(prefix="flashsale-selftest-") as scratch, null_shop() as shop:
        return measure(shop, Path(scratch), on_message)


def compare_variants(test: SelfTest, runtime: Runtime, observer: Observer) -> Judgement:
    """Measure the three variants against each other, and judge what was found."""
    request = Request(
        scenario=test.scenario,
        source=test.source,
        variants=three_of(test.approach),
        runs=test.scenario.runs,
        seed=test.scenario.seed,
    )
    stored = campaign.run(request, test.approach.root, test.out / "campaign", runtime, observer)
    return judge(derived.summarise(stored))


def write(test: SelfTest, limits: Limits, judgement: Judgement) -> Path:
    """Write selftest.json: every figure, and the environment in which it was measured."""
    description = Campaign.open(test.out / "campaign").description()
    document = {
        "schema_version": SCHEMA_VERSION,
        "approach": test.approach.approach,
        "scenario": test.source,
        "environment": description["environment"],
        "generator": asdict(limits),
        "copies": asdict(judgement),
    }
    return write_json(test.out / "selftest.json", plain(document))
