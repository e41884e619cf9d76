"""A generator process on the machine of the harness, which it speaks to over pipes.

    python -m harness.load.generator_main PLAN.json NUMBER

It says ``{"event": "ready"}``, waits for the start of the load, and then reports its progress once
a second. When the harness is gone, the generator ends. SIGTERM or SIGINT: no more arrivals,
requests in flight finish, exit 0; a second one: exit at once.

Exit codes: 0 done, 1 a buyer broke (see standard error), 2 wrong call.
"""

from gevent import monkey

monkey.patch_all()  # first, as Locust does it: before anything opens a socket

# ruff: noqa: E402
import os
import sys
import traceback
from pathlib import Path

from locust.env import Environment

from harness.load.account_opening import NoAccount
from harness.load.control_channel import HarnessChannel
from harness.load.generator import allow_many_sockets, generate
from harness.load.load_plan import plan_from_json


def main(arguments: list[str]) -> int:
    """Run one generator process; return its exit code."""
    if len(arguments) != 2 or not arguments[1].isdigit():
        sys.stderr.write("usage: python -m harness.load.generator_main PLAN.json NUMBER\n")
        return 2
    path, process = Path(arguments[0]), int(arguments[1])
    allow_many_sockets()
    plan = plan_from_json(path.read_text("utf-8"))
    runner = Environment(catch_exceptions=False).create_local_runner()
    try:
        failure = generate(plan, process, path.parent, runner, HarnessChannel())
    except NoAccount as error:
        failure = str(error)
    except Exception:
        failure = traceback.format_exc()
    sys.stderr.write(failure)
    return 1 if failure else 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Locust leaves greenlets behind that would hold up a normal exit
