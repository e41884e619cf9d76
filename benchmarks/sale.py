"""What the flash sale cost, read from a campaign that was measured: `results/reference` by default.

Selling lasts from the first purchase to the last order that was accepted; afterwards every purchase
is a refusal. CPU is that of all services of the approach, without the payment gateway and the load
generator; memory the sum of their PSS, and its highest value over time.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.measuring import ROOT, Plan, Results

CAMPAIGN = ROOT / "results/reference"
PRODUCT_ID = 1
TAKEN = (201, 202, 402)
"""The answers to a purchase that was not refused."""


def cpu_between_s(cpu: pd.DataFrame, from_s: float, to_s: float) -> float:
    """Return the CPU seconds that all services used between two moments of the load."""
    used = 0.0
    for _, own in cpu.groupby("source"):
        within = own[(own["t_s"] >= from_s) & (own["t_s"] <= to_s)]["value"]
        used += float(within.max() - within.min()) if len(within) > 1 else 0.0
    return used


def of_run(folder: Path) -> dict[str, Any]:
    """Return the figures of one run."""
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    services = set(record["topology"]["services"]) - set(record["topology"]["world"])
    telemetry = pd.read_parquet(folder / "telemetry.parquet")
    telemetry = telemetry[telemetry["source"].isin(services)]
    cpu = telemetry[telemetry["metric"] == "cpu_s"]
    memory = telemetry[telemetry["metric"] == "memory_bytes"]
    requests = pd.read_parquet(folder / "requests.parquet")
    buys = requests[requests["endpoint"] == "buy"]
    orders = pd.read_parquet(folder / "orders.parquet")
    orders = orders[orders["product_id"] == PRODUCT_ID]
    confirmed = int((orders["status"] == "confirmed").sum())
    sold_out_s = float(orders["accepted_ns"].max() - record["t0_wall_ns"]) / 1e9
    taken = buys[buys["status"].isin(TAKEN)]
    latency_ms = (taken["done_ns"] - taken["sent_ns"]) / 1e6
    late = requests[(requests["sent_ns"] / 1e9 > sold_out_s) & (requests["endpoint"] == "buy")]
    figures = {
        "purchase_p95_ms": float(latency_ms.quantile(0.95)),
        "confirmed": confirmed,
        "selling_s": sold_out_s,
        "cpu_s_per_confirmed": cpu_between_s(cpu, 0.0, sold_out_s) / confirmed,
        "peak_memory_gb": float(memory.groupby("t_s")["value"].sum().max()) / 1e9,
    }
    if len(late):
        after_s = cpu_between_s(cpu, sold_out_s, float(record["load_s"]))
        figures |= {"refusals": len(late), "cpu_ms_per_refusal": after_s / len(late) * 1e3}
    return figures


def main() -> int:
    """Read, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sale")
    parser.add_argument("campaign", nargs="?", type=Path, default=CAMPAIGN)
    parser.add_argument("--final", action="store_true", help="mark the figures as final")
    given = parser.parse_args()
    campaign: Path = given.campaign.resolve()
    shown = campaign.relative_to(ROOT) if campaign.is_relative_to(ROOT) else campaign.name
    plan = Plan("sale", repeats=1, short=False, final=given.final)
    results = Results(plan, {"campaign": str(shown)})
    for run in sorted((campaign / "runs").iterdir()):
        results.add(run.name.partition("-")[2], turn=int(run.name[:2]), **of_run(run))
    return 0


if __name__ == "__main__":
    sys.exit(main())
