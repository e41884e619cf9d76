"""Loads played against a shop: plans to begin with, and what client and server counted."""

import time
from collections import Counter

from harness import load
from harness.load.load_plan import LoadPlan, PlannedStage
from tests.support.plans import plan_of

ENDPOINTS = {
    ("POST", "/auth/register"): "register",
    ("POST", "/auth/login"): "login",
    ("GET", "/products/{id}"): "product",
    ("POST", "/orders"): "buy",
    ("GET", "/orders/{id}"): "status",
    ("GET", "/orders/{id}/events"): "events",
}


def make_plan(shop, **changes):
    settings = {
        "address": shop.address, "product_id": 1, "seed": 42, "key_prefix": "42-",
        "user_offset": 0, "buyer": "polling", "think_min_s": 0.05, "think_max_s": 0.15,
        "poll_interval_s": 0.05, "request_timeout_s": 2.0, "watch_limit_s": 5.0,
        "processes": 1, "retries": 3,
        "stages": (
            PlannedStage("arrive", 12, 1.0, 50.0),
            PlannedStage("stay", 12, 1.0, 50.0),
            PlannedStage("leave", 0, 1.0, 50.0),
        ),
    }  # fmt: skip
    return plan_of(LoadPlan, **settings | changes)


def one_buyer(seconds=1.0):
    return {"stages": (PlannedStage("only", 1, 0.1, 50.0), PlannedStage("stay", 1, seconds, 50.0))}


def run_load(plan, folder, workers=None):
    generators = load.start(plan, folder, workers)
    try:
        generators.wait_ready()
        generators.begin(time.monotonic_ns() + 50_000_000)
        generators.wait()
        generators.fetch_logs()
    finally:
        generators.stop()
    return load.collect(folder)


def client_counts(requests):
    answered = requests[requests["status"] > 0]
    return Counter(zip(answered["endpoint"], answered["status"].astype(int), strict=True))


def server_counts(shop):
    counts = Counter()
    for (method, route, status), count in shop.answers.items():
        counts[ENDPOINTS[method, route], status] += count
    return counts


def wait_until(condition, limit_s=20.0):
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen in time"
        time.sleep(0.02)
