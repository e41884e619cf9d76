"""One browser for all tests, and the reports that they look at."""

import os

import pytest
from playwright.sync_api import sync_playwright

import report
from harness.audit import audit
from harness.results.findings import Finding, Verdict
from tests.browser.viewer import chromium
from tests.golden.campaigns import store
from tests.support.contention import make_contention_run
from tests.support.histories import make_run
from tests.support.mishaps import Mishap
from tests.support.variants import stored_variants

LOAD = {"users": 40, "stock": 300}
KILLED = Mishap("kill", "postgres", 4.0, 6.0)
PAUSED = Mishap("pause", "payment-worker", 12.0, 14.0, "all")


@pytest.fixture(scope="session")
def executable():
    """Without Chromium, no report is made either."""
    return chromium()


# Not of the session: as long as it is there, its event loop runs, and no other test can have one.
@pytest.fixture(scope="module")
def browser(executable):
    with sync_playwright() as playwright:
        # Chromium refuses to run as root with its sandbox, as it does in a container.
        arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        running = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield running
        running.close()


@pytest.fixture(scope="session")
def compared(executable, tmp_path_factory):
    """Two runs of each approach, each with two faults."""
    folder = tmp_path_factory.mktemp("compared")
    plan = [(approach, block) for block in (1, 2) for approach in ("sync", "queue")]
    runs = [
        make_run(approach, index=index, block=block, mishaps=(KILLED, PAUSED), **LOAD)
        for index, (approach, block) in enumerate(plan, start=1)
    ]
    store(folder, runs)
    return report.build(folder)


@pytest.fixture(scope="session")
def oversold(executable, tmp_path_factory):
    """The queue oversold in its only run: it is fast, and not ranked."""
    folder = tmp_path_factory.mktemp("oversold")

    def judge(run):
        findings = audit(run)
        if run.approach == "queue":
            examples = ({"order_id": "order-51", "sold": 51},)
            failed = Finding("I1", "No oversell", Verdict.FAIL, "51 of 50", 1, examples)
            findings[0] = failed
        return findings

    runs = [make_run(name, index=at, **LOAD) for at, name in enumerate(("sync", "queue"), start=1)]
    store(folder, runs, judge)
    return report.build(folder)


@pytest.fixture(scope="session")
def many(executable, tmp_path_factory):
    """Six variants: more than can be told apart in one figure."""
    folder = tmp_path_factory.mktemp("many")
    stored_variants(folder, 6, blocks=1, users=20, stock=40, seconds=20)
    return report.build(folder)


@pytest.fixture(scope="session")
def cases(executable, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    plan = (("stores", (KILLED,)), ("steady", ()), ("again", ()))
    runs = [
        make_run("queue", index=at, block=1, case=case, mishaps=mishaps, **LOAD)
        for at, (case, mishaps) in enumerate(plan, start=1)
    ]
    store(folder, runs)
    return report.build(folder)


@pytest.fixture(scope="session")
def contention(executable, tmp_path_factory):
    folder = tmp_path_factory.mktemp("contention")
    store(folder, [make_contention_run("sync", index=1), make_contention_run("queue", index=2)])
    return report.build(folder)
