"""A campaign as it is told: what an observer hears of it, without anything being deployed."""

from pathlib import Path

from harness.campaign.observer import LiveSample
from harness.campaign.schedule import PlannedRun
from harness.campaign.steps import STEPS
from harness.faults.events import FaultEvent
from harness.load import Progress
from harness.results.findings import Verdict
from harness.scenario.model import load_scenario

ROOT = Path(__file__).parents[2]
TINY = str(ROOT / "tests" / "integration" / "tiny.toml")
STEP = {step.words: step for step in STEPS}
"""Each step of a run, by the words that are printed for it."""
PLANNED = [PlannedRun(1, 1, "sync", 7), PlannedRun(2, 1, "queue", 7)]
SYNC, QUEUE = PLANNED
SERVICES = ("api", "gateway", "load", "nginx", "postgres", "redis", "worker")


def scenario(name=TINY):
    """Return a scenario of the project, or that of the tests: 15 s, 30 users, three stages."""
    return load_scenario(name, ROOT)


def begin(observer, planned=PLANNED, done=0, of=None):
    observer.campaign_begins(planned, done, of or scenario())


def steps(observer, run, until):
    """Tell every step of a run up to and with one."""
    for step in STEPS:
        observer.step(run, step)
        if step.words == until:
            return


def seconds(observer, run, first=1, last=10, **known):
    """Tell so many seconds of a load that grows, with two errors in every second."""
    for t_s in range(first, last + 1):
        facts = {"stage": "peak", "planned": 30.0, "active": 28, "p95_ms": 20.0 + t_s} | known
        progress = Progress(
            t_s=float(t_s), requests=100 * t_s, requests_per_s=100.0 + t_s, errors=2 * t_s, **facts
        )
        cores = {name: (at + 1) / 10 for at, name in enumerate(SERVICES)}
        observer.load(run, progress, LiveSample(float(t_s), 40.0 - t_s, float(t_s % 7), cores))


def break_something(observer, run):
    """Tell a fault that is over, and one that goes on."""
    observer.fault(run, FaultEvent("kill postgres", "12 in flight", 3.0, is_over=False))
    observer.fault(run, FaultEvent("kill postgres", "back after 2.5 s", 5.5, is_over=True))
    observer.fault(run, FaultEvent("pause worker 1", "9 in flight", 8.0, is_over=False))


def finish(observer, run, valid=True, audit=Verdict.PASS):
    steps(observer, run, "tear down")
    observer.run_ends(run, valid, audit, 40)
