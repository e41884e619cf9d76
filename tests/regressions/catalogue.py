"""All regressions that are seeded, and the changes that are none."""

from pathlib import Path

from harness.errors import ExitCode
from tests.regressions.regression import Regression, edits_of_mutant
from tests.support.edits import Edit

FLOOD = Path(__file__).parent / "loads" / "flood.toml"
WEB = "approaches/shop/web.py"
API = "approaches/queue/api.py"
SETTINGS = "gate.toml"

OVERSOLD_OR_WORSE = (ExitCode.REGRESSION, ExitCode.CORRECTNESS)

SYNC_LATE = (
    Edit(
        WEB,
        "        return answer(*shop.checkout.buy(user_id, key, purchase, waited_s=waited_s))\n",
        "        begun_s = time.monotonic()\n"
        "        try:\n"
        "            bought = shop.checkout.buy(user_id, key, purchase, waited_s=waited_s)\n"
        "            return answer(*bought)\n"
        "        finally:\n"
        "            time.sleep(0.25 * (time.monotonic() - begun_s))\n",
    ),
)
QUEUE_DEARER = (
    Edit(API, "import asyncio\nimport socket\n", "import asyncio\nimport socket\nimport time\n"),
    Edit(
        API,
        '        """POST /orders."""\n',
        '        """POST /orders."""\n'
        "        until_s = time.thread_time() + 0.006\n"
        "        while time.thread_time() < until_s:\n"
        "            pass\n",
    ),
)
SYNC_SHEDS = (
    Edit(WEB, "import logging\nimport time\n", "import itertools\nimport logging\nimport time\n"),
    Edit(
        WEB,
        '    @app.post("/orders")\n    def buy() -> Response:\n',
        "    purchases = itertools.count()\n"
        "\n"
        '    @app.post("/orders")\n'
        "    def buy() -> Response:\n"
        "        if next(purchases) % 3 == 2:\n"
        '            raise Problem(Code.OVERLOADED, "too many buyers")\n',
    ),
)
QUEUE_SHEDS = (
    Edit(
        API, "import asyncio\nimport socket\n", "import asyncio\nimport itertools\nimport socket\n"
    ),
    Edit(
        API,
        '        self._document = openapi("acceptance")\n',
        '        self._document = openapi("acceptance")\n'
        "        self._purchases = itertools.count()\n",
    ),
    Edit(
        API,
        '        """POST /orders."""\n',
        '        """POST /orders."""\n'
        "        if next(self._purchases) % 3 == 2:\n"
        '            raise Problem(Code.OVERLOADED, "too many buyers")\n',
    ),
)

REGRESSIONS = (
    Regression(
        name="documentation-only",
        wrong="nothing: a sentence is added to README.md",
        expected=(ExitCode.OK,),
        head=(Edit("README.md", "# flashsale-harness\n", "# flashsale-harness\n\nA sentence.\n"),),
    ),
    Regression(
        name="sync-latency-20-percent",
        wrong="a purchase holds its thread a quarter longer, so it is answered about 20 % later",
        expected=(ExitCode.REGRESSION,),
        head=SYNC_LATE,
        approach="sync",
    ),
    Regression(
        name="queue-costs-more",
        wrong="a purchase takes 6 ms more of the API's CPU",
        expected=(ExitCode.REGRESSION,),
        head=QUEUE_DEARER,
        approach="queue",
    ),
    Regression(
        name="sync-read-then-write",
        wrong="reads the stock, decides, and then reserves without a condition",
        expected=(ExitCode.CORRECTNESS,),
        head=edits_of_mutant("sync-read-then-write"),
        approach="sync",
        short=True,
        deploys=True,
    ),
    Regression(
        name="queue-get-then-set",
        wrong="reads the counter with GET and writes it with SET",
        expected=(ExitCode.CORRECTNESS,),
        head=edits_of_mutant("queue-get-then-set"),
        approach="queue",
    ),
    Regression(
        name="sync-sheds-load",
        wrong="answers every third purchase with 503 before anything is done",
        expected=OVERSOLD_OR_WORSE,
        head=SYNC_SHEDS,
        approach="sync",
    ),
    Regression(
        name="queue-sheds-load",
        wrong="answers every third purchase of a process with 503 before anything is done",
        expected=OVERSOLD_OR_WORSE,
        head=QUEUE_SHEDS,
        approach="queue",
    ),
    Regression(
        name="base-oversells",
        wrong="nothing in head, which is the fix: base is `queue-get-then-set`",
        expected=(ExitCode.CORRECTNESS,),
        base=edits_of_mutant("queue-get-then-set"),
        approach="queue",
    ),
    Regression(
        name="saturated-generator",
        wrong="head's scenario asks for 5,000 buyers in a second of one process",
        expected=(ExitCode.INVALID,),
        head=(Edit(SETTINGS, 'scenario = "ci"\n', f'scenario = "{FLOOD}"\n'),),
        approach="queue",
    ),
    Regression(
        name="missing-base",
        wrong="the base revision does not exist, as in a shallow clone",
        expected=(ExitCode.NO_BASELINE,),
        revision="origin/main",
        short=True,
    ),
    Regression(
        name="unreadable-base",
        wrong="a compose file of base says what this harness cannot read",
        expected=(ExitCode.NO_BASELINE,),
        base=(Edit("docker-compose.sync.yml", "x-harness:\n", "x-harness:\n  colour: red\n"),),
        short=True,
    ),
    Regression(
        name="nonsense-in-gate-toml",
        wrong="gate.toml names a metric that does not exist",
        expected=(ExitCode.USAGE,),
        head=(Edit(SETTINGS, "[metrics.http_error_rate_pct]\n", "[metrics.http_error_rte_pct]\n"),),
        short=True,
    ),
)
