"""Mutants that are right until something refuses, freezes, forgets, goes, or is asked to stop."""

from tests.mutants.answers import CONTRACT
from tests.mutants.mutant import Mutant
from tests.support.edits import Edit

DATABASE = "approaches/shop/database.py"
SCHEMA = "approaches/shop/schema.sql"
STREAMS = "approaches/shop/streams.py"
SUPERVISOR = "approaches/shop/supervisor.py"
CHANGES = "approaches/queue/changes.py"
CONSUMER = "approaches/queue/consumer.py"
EDGE = "approaches/shop/asgi_server.py"
EPOCHS = "approaches/queue/epochs.py"
ORDER_WORKER = "approaches/queue/order_worker.py"
REBUILD = "approaches/queue/rebuild.py"
RECOVERY = "approaches/queue/recovery.py"
WATCHER = "approaches/queue/watcher.py"
WORKER = "approaches/queue/worker.py"
ACCEPT = "approaches/queue/lua/accept.lua"
CANCEL = "approaches/queue/lua/cancel.lua"
SETTLE = "approaches/queue/lua/settle.lua"

WITHOUT_DEADLINES = (
    Edit(DATABASE, "_limited(gen, timeout or self.limit_s), interval)", "gen, interval)"),
    Edit(DATABASE, "steps = _limited(gen, timeout or self.limit_s)\n", "steps = gen\n"),
)

NOT_READ_AGAIN = Edit(
    WATCHER,
    "            self._transport.write(_HEARTBEAT)\n            self._audience.read_again(self)\n",
    "            self._transport.write(_HEARTBEAT)\n",
)
"""A stream that hears nothing does not look for itself either."""

MUTANTS = (
    Mutant(
        name="queue-refusal-forgets-an-order",
        approach="queue",
        wrong="A ledger that takes no writes fails the work in hand, and what a worker then"
        " doubts is forgotten by the read that was waiting meanwhile.",
        seen="this queue before: `InternalError` was no error of the store, and a flag was cleared"
        " after a blocking read",
        edits=(
            Edit(
                CONSUMER,
                "            answered = True\n",
                "            answered = True\n            self._pending_unknown = False\n",
            ),
            Edit(
                WORKER,
                "                except psycopg.Error as error:\n"
                '                    log.error("the ledger is not as it should be: %s", error)\n',
                "",
            ),
            Edit(
                DATABASE,
                "STORE_ERRORS = (OperationalError, InterfaceError, InternalError)",
                "STORE_ERRORS = (OperationalError, InterfaceError)",
            ),
        ),
        load="refuses",
        caught_by="I3",
    ),
    Mutant(
        name="queue-no-ledger-deadline",
        approach="queue",
        wrong="A worker waits for the ledger's answer for as long as the connection is open.",
        seen="drivers' defaults: no time limit, and keepalives that a middlebox answers",
        edits=WITHOUT_DEADLINES,
        load="freezes",
        caught_by="I3",
    ),
    Mutant(
        name="sync-no-ledger-deadline",
        approach="sync",
        wrong="A thread waits for the ledger's answer for as long as the connection is open.",
        seen="drivers' defaults: a pool of threads that a frozen network empties for good",
        edits=WITHOUT_DEADLINES,
        load="freezes",
        caught_by="I3",
    ),
    Mutant(
        name="queue-subscription-not-proven",
        approach="queue",
        wrong="A subscription on which nothing arrives is taken to be alive, and a stream that"
        " hears nothing does not read its order again.",
        seen="publish/subscribe without a ping: half-open connections look like quiet channels",
        edits=(
            Edit(CHANGES, "                await line.ping()\n", ""),
            NOT_READ_AGAIN,
        ),
        load="silence",
        caught_by="I18",
        alone=True,
    ),
    Mutant(
        name="queue-lost-end-not-published",
        approach="queue",
        wrong="The end of an order that Redis has lost is not published, and a stream that hears"
        " nothing does not read its order again.",
        seen="this queue before: what needed no change in Redis was not said to anybody",
        edits=(
            Edit(
                SETTLE,
                "  if answer == 'applied' or (terminal and answer == 'kept') then\n",
                "  if answer == 'applied' then\n",
            ),
            NOT_READ_AGAIN,
        ),
        load="forgets",
        caught_by="I18",
        alone=True,
    ),
    Mutant(
        name="queue-rebuild-outlives-its-lock",
        approach="queue",
        wrong="The leader takes 0.5 s for each open order that it reads back, and prolongs its"
        " lock only between its duties: with many orders it never ends a rebuild.",
        seen="leases that are renewed by the thread that does the work; this queue, with orders"
        " by the ten thousand",
        edits=(
            Edit(
                REBUILD,
                "import logging\nfrom collections",
                "import asyncio\nimport logging\nfrom collections",
            ),
            Edit(
                REBUILD,
                "        async for orders in snapshot.unfinished():\n",
                "        async for orders in snapshot.unfinished():\n"
                "            await asyncio.sleep(0.5 * len(orders))\n",
            ),
            Edit(
                RECOVERY,
                "            asyncio.create_task(self._repeat(self.lead, self._lock_every_s)),\n",
                "",
            ),
            Edit(
                RECOVERY,
                "            asyncio.create_task("
                "self._repeat(self._when_leading(self.look_after), TICK_S)),\n",
                "",
            ),
            Edit(
                RECOVERY,
                "self._repeat(self._when_leading(self.repair), TICK_S)",
                "self._repeat(self._all, self._lock_every_s)",
            ),
            Edit(
                RECOVERY,
                "    async def lead(self) -> bool:\n",
                "    async def _all(self) -> None:\n"
                "        if await self.lead():\n"
                "            await self.look_after(self._leadership.token)\n"
                "            await self.repair(self._leadership.token)\n"
                "\n"
                "    async def lead(self) -> bool:\n",
            ),
        ),
        load="behind",
        caught_by="I3",
        alone=True,
    ),
    Mutant(
        name="queue-older-copy-unnoticed",
        approach="queue",
        wrong="A Redis of the present epoch is taken to be whole, however much less it knows than"
        " the ledger has seen.",
        seen="restores from a backup and failovers to a lagging replica, in systems that only ask"
        " whether the data are there",
        edits=(
            Edit(
                EPOCHS,
                "        state.mark.epoch == known.mark.epoch != 0\n"
                "        and state.mark.seq >= known.mark.seq\n"
                "        and state.beat >= known.beat\n",
                "        state.mark.epoch == known.mark.epoch != 0\n",
            ),
            Edit(
                ACCEPT,
                "if present < seen or (present == seen and accepted < tonumber(ARGV[7])) then\n",
                "if present < seen then\n",
            ),
        ),
        load="older",
        caught_by="I2",
    ),
    Mutant(
        name="queue-refused-order-is-a-dead-letter",
        approach="queue",
        wrong="An order that the ledger refuses for good ends as a dead letter: it stays accepted"
        " for its buyer, and keeps its units.",
        seen="dead-letter queues as the end of the story: who reads them, and what did they hold?",
        edits=(
            Edit(
                ORDER_WORKER,
                'await self._cancel(entry, order, f"the ledger refuses it: {error}".strip())',
                'await self.consumer.give_up(entry, f"the ledger refuses it: {error}".strip())',
            ),
            Edit(RECOVERY, "            await self._resumption.cancel_dead_letters()\n", ""),
        ),
        load="leaves",
        caught_by="I11",
    ),
    Mutant(
        name="queue-cancelled-order-keeps-its-units",
        approach="queue",
        wrong="An order that the ledger refuses is cancelled, and its units stay taken.",
        seen="compensations that are written for declined payments only",
        edits=(Edit(CANCEL, "    redis.call('INCRBY', KEYS[4], quantity)\n", ""),),
        load="leaves",
        caught_by="I2",
        alone=True,
    ),
    Mutant(
        name="queue-stops-with-an-open-door",
        approach="queue",
        wrong="A server that is asked to stop keeps its socket open until its processes have"
        " ended: who connects meanwhile is reset.",
        seen="pre-fork servers whose parent holds the listening socket; this shop before",
        edits=(
            Edit(
                SUPERVISOR,
                "            refuse_new(self._listener)\n            self._listener.close()\n",
                "",
            ),
            Edit(
                SUPERVISOR,
                "import allow_open_files, bind_socket, refuse_new\n",
                "import allow_open_files, bind_socket\n",
            ),
            Edit(
                EDGE,
                "        await _until(lambda: not any(map(has_waiting, listeners)),"
                " within_s=LINGER_S)\n",
                "",
            ),
        ),
        load="drains",
        caught_by="I14",
        alone=True,
    ),
    Mutant(
        name="queue-streams-without-limit",
        approach="queue",
        wrong="A buyer may open as many event streams as there are connections.",
        seen="servers that limit requests per second and not what stays open",
        edits=(
            Edit(
                STREAMS,
                "            if self._open[user_id] >= self._per_buyer:\n",
                "            if self._open[user_id] < 0:\n",
            ),
        ),
        load="",
        caught_by=CONTRACT,
    ),
    Mutant(
        name="queue-shop-is-superuser",
        approach="queue",
        wrong="The shop logs in to its ledger as a superuser.",
        seen="compose files that give the application the role of `POSTGRES_USER`",
        edits=(Edit(SCHEMA, "CREATE ROLE shop LOGIN;", "CREATE ROLE shop LOGIN SUPERUSER;"),),
        load="",
        caught_by=CONTRACT,
    ),
)
