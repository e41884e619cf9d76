"""The highest rate of arrivals on one machine, generator and all, at which a run is still valid.

`harness run` plays an open load against the whole queue: everybody may buy (there is stock for
all), payments take 0.1 s, and buyers watch the event stream. The rate rises until a run is invalid,
or not everybody who came has a confirmed order.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT, Plan, Results

RATES_PER_S = (200, 400, 600, 800, 1_000, 1_400, 1_700)
SECONDS = 20
BUYER = "watching"
SCENARIO = """
title = "Open load of the benchmarks"
runs = 1
seed = 42
[product]
name = "iPhone"
price_cents = 99900
stock = {stock}
[payment]
model = "fixed"
mean_s = 0.1
decline_rate = 0.0
[load]
buyer = "{buyer}"
request_timeout_s = 10
watch_limit_s = 60
processes = 1
retries = 3
[warm_up]
users = 10
seconds = 3
[drain]
limit_s = 60
[open]
spread = "even"
accounts = 100
at_once = 4000
[[open.stages]]
name = "arrivals"
buyers = {buyers}
seconds = {seconds}
"""


def play(per_s: int, seconds: int, place: Path) -> dict[str, Any]:
    """Run one rate, and return whether it was valid, and what it used."""
    buyers = per_s * seconds
    scenario = place / f"open-{per_s}.toml"
    text = SCENARIO.format(stock=buyers + 1_000, buyer=BUYER, buyers=buyers, seconds=seconds)
    scenario.write_text(text, encoding="utf-8")
    out = place / f"campaign-{per_s}"
    shutil.rmtree(out, ignore_errors=True)
    argv = [str(Path(sys.executable).parent / "harness"), "run", str(scenario)]
    argv += ["--approach", "queue", "--out", str(out)]
    # every watcher of a machine is one address: the shop's own limit of streams is not the question
    argv += ["--set", "event-stream.STREAMS_PER_BUYER=1000"]
    done = subprocess.run(argv, check=False, cwd=ROOT, capture_output=True, text=True)
    files = list(out.glob("runs/*/run.json"))
    if not files:
        return {"arrivals_per_s": per_s, "is_valid": False, "why": done.stderr[-500:]}
    return judged(per_s, buyers, done.returncode, files[0].parent)


def judged(per_s: int, buyers: int, code: int, run: Path) -> dict[str, Any]:
    """Return what a run says of itself."""
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    validity = record.get("validity") or {}
    counted = outcomes(run)
    everybody = counted["confirmed"] == buyers  # also those who were turned away at the door
    return {
        "arrivals_per_s": per_s,
        "is_valid": code == 0 and everybody,
        "exit_code": code,
        **counted,
        "why": [str(reason)[:200] for reason in validity.get("reasons", [])][:5],
    }


def outcomes(run: Path) -> dict[str, Any]:
    """Return how many buyers came, and how many orders were confirmed; CPU by service in cores."""
    import pandas as pd  # noqa: PLC0415 - takes a second

    requests = pd.read_parquet(run / "requests.parquet", columns=["endpoint", "key", "sent_ns"])
    orders = pd.read_parquet(run / "orders.parquet")
    telemetry = pd.read_parquet(run / "telemetry.parquet")
    cpu = telemetry[telemetry["metric"] == "cpu_s"].groupby("source")
    span_s = telemetry["t_s"].max() - telemetry["t_s"].min()
    cores = (cpu["value"].max() - cpu["value"].min()) / span_s
    return {
        "buyers": int(requests.loc[requests["endpoint"] == "buy", "key"].nunique()),
        "confirmed": int(((orders["status"] == "confirmed") & (orders["product_id"] == 1)).sum()),
        "cores": {str(name): round(float(used), 3) for name, used in cores.items()},
    }


def main() -> int:
    """Measure, and write the results."""
    plan = Plan.from_arguments("open_load", repeats=1)
    seconds = 5 if plan.short else SECONDS
    rates = RATES_PER_S[:1] if plan.short else RATES_PER_S
    results = Results(plan, {"seconds": seconds, "payment_s": 0.1, "buyer": BUYER})
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(plan.repeats):
            highest_per_s = 0
            for per_s in rates:
                sample = play(per_s, seconds, Path(folder))
                valid = int(sample["is_valid"])
                results.add(f"{per_s} arrivals/s", turn=turn, valid=valid, **sample)
                if not sample["is_valid"]:
                    break
                highest_per_s = per_s
            results.add("highest valid", turn=turn, arrivals_per_s=highest_per_s)
    return 0


if __name__ == "__main__":
    sys.exit(main())
