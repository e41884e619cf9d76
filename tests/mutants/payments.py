"""Mutants that take money twice, for nothing, or say it was not there."""

from tests.mutants.mutant import Mutant
from tests.support.edits import Edit

PAYMENTS = "approaches/shop/payments.py"
CHECKOUT = "approaches/sync/checkout.py"
WEB = "approaches/shop/web.py"
LEDGER = "approaches/queue/ledger.py"
PAYMENT_WORKER = "approaches/queue/payment_worker.py"
RECOVERY = "approaches/queue/recovery.py"
REQUEUE = "approaches/queue/lua/requeue.lua"

ASK = 'Ask("POST", "/charges", charge.body(), charge.order_id, left_s)'
PENDING = "redis.call('XPENDING', KEYS[1], group, ARGV[4], ARGV[5], batch, consumer)"

TAKE_OVER_WHAT_IS_IDLE = (
    Edit(
        REQUEUE,
        f"local pending = {PENDING}",
        "local pending = mode ~= 'dead' and " + PENDING + "\n"
        "  or redis.call('XPENDING', KEYS[1], group, 'IDLE', 500, ARGV[4], ARGV[5], batch,\n"
        "    consumer)",
    ),
    Edit(
        REQUEUE,
        "if mode == 'dead' and redis.call('EXISTS', KEYS[3]) == 1 then",
        "if false then",
    ),
    Edit(
        REQUEUE,
        "if mode ~= 'own' and #pending < batch then",
        "if mode ~= 'own' and #pending == 0 and redis.call('EXISTS', KEYS[3]) == 0 then",
    ),
    Edit(
        RECOVERY,
        "return [name for name, beat in zip(names, beats, strict=True) if beat is None]",
        "return names",
    ),
)

MUTANTS = (
    Mutant(
        name="queue-charge-key-per-try",
        approach="queue",
        wrong="Every try of a charge has an idempotency key of its own, so a retry charges again.",
        seen="clients that draw the key where they send the request",
        edits=(Edit(PAYMENTS, ASK, ASK.replace("order_id,", 'order_id + f"-{clock()}",')),),
        load="storm",
        caught_by="I6",
    ),
    Mutant(
        name="queue-reaper-by-idle-time",
        approach="queue",
        wrong="Entries are taken from a living worker once they are idle for half a second, and a"
        " charge is keyed by its delivery.",
        seen="XAUTOCLAIM by idle time (taskiq-redis #101), with the job's id as the charge's key",
        edits=(
            *TAKE_OVER_WHAT_IS_IDLE,
            Edit(
                PAYMENTS,
                "    amount_cents: int\n\n    def body(self)",
                '    amount_cents: int\n    job: str = ""\n\n    def body(self)',
            ),
            Edit(PAYMENTS, ASK, ASK.replace("charge.order_id", "charge.job or charge.order_id")),
            Edit(
                PAYMENT_WORKER,
                "int(fields[Field.AMOUNT])",
                "int(fields[Field.AMOUNT]), entry.id",
            ),
        ),
        load="impatient",
        caught_by="I6",
    ),
    Mutant(
        name="sync-timeout-is-a-decline",
        approach="sync",
        wrong="A gateway that does not answer in time is taken to have declined.",
        seen="the published synchronous system, which refunds stock on an unknown outcome",
        edits=(
            Edit(
                PAYMENTS,
                "return _result(reply) or ChargeResult(Outcome.UNKNOWN)",
                "return _result(reply) or ChargeResult(Outcome.DECLINED, charge.order_id)",
            ),
        ),
        load="impatient",
        caught_by="I7",
    ),
    Mutant(
        name="queue-unavailable-is-a-decline",
        approach="queue",
        wrong="A 503 of the gateway is taken for a decline.",
        seen="the published system: 3 % of its payments failed for it",
        edits=(
            Edit(
                PAYMENTS,
                "        result = _result(reply)\n",
                "        if reply is not None and reply.status == 503:\n"
                "            return ChargeResult(Outcome.DECLINED, charge.order_id)\n"
                "        result = _result(reply)\n",
            ),
        ),
        load="storm",
        caught_by="I7",
    ),
    Mutant(
        name="queue-unknown-is-a-decline",
        approach="queue",
        wrong="A worker records a payment whose outcome it does not know as declined.",
        seen="enums with two values: what is not approved is declined",
        edits=(
            Edit(
                PAYMENT_WORKER,
                "Outcome.UNKNOWN: Status.UNKNOWN,",
                "Outcome.UNKNOWN: Status.DECLINED,",
            ),
            Edit(PAYMENT_WORKER, "answer.charge_id or None", "answer.charge_id or charge.order_id"),
        ),
        load="impatient",
        caught_by="I7",
    ),
    Mutant(
        name="sync-charge-first",
        approach="sync",
        wrong="The buyer is charged, and then the shop looks whether there is a unit left.",
        seen="checkouts that reserve after the payment and refund by hand",
        edits=(
            Edit(
                CHECKOUT,
                "            reserved = self._ledger.reserve(order_id, user_id, key, purchase)\n",
                "            price_cents = self._ledger.find_product(1).price_cents\n"
                "            paid = self._payments.charge(order_id, key, price_cents)\n"
                "            reserved = self._ledger.reserve(order_id, user_id, key, purchase)\n",
            ),
            Edit(
                CHECKOUT,
                "            result = self._payments.charge(order_id, key, reserved)\n",
                "            result = paid\n",
            ),
        ),
        load="rush",
        caught_by="I6",
        alone=True,
    ),
    Mutant(
        name="sync-unknown-answered-no",
        approach="sync",
        wrong="A buyer whose payment is not known yet is refused; the payment then comes through.",
        seen="handlers that map every exception to a failed order",
        edits=(
            Edit(
                WEB,
                'Problem(Code.PAYMENT_UNKNOWN, "ask again with the same key",'
                " order_id=order.order_id)",
                'Problem(Code.INVALID_REQUEST, "the payment failed")',
            ),
        ),
        load="impatient",
        caught_by="I4",
        alone=True,
    ),
    Mutant(
        name="queue-history-with-gaps",
        approach="queue",
        wrong="The history leaves out that an outcome was unknown for a while.",
        seen="event tables that are written for the happy path",
        edits=(
            Edit(
                LEDGER,
                "SELECT id, version, status, coalesce(settled_at, clock_timestamp()) FROM changed",
                "SELECT id, version, status, settled_at FROM changed WHERE status <> 'unknown'",
            ),
        ),
        load="impatient",
        caught_by="I8",
    ),
)
