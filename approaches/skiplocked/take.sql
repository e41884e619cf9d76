-- Work that is due becomes that of one worker, for as long as its lease: who looks meanwhile skips what is locked.
WITH due AS (
    SELECT order_id FROM outbox WHERE due_at <= clock_timestamp()
    ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE outbox SET due_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
    FROM due WHERE outbox.order_id = due.order_id
    RETURNING outbox.order_id
), begun AS (
    UPDATE orders SET status = 'awaiting_payment', version = 2
    FROM taken WHERE id = order_id AND status = 'accepted'
    RETURNING id
), recorded AS (
    INSERT INTO order_events (order_id, version, status) SELECT id, 2, 'awaiting_payment' FROM begun
)
SELECT id::text, idempotency_key, amount_cents FROM taken JOIN orders ON id = order_id
