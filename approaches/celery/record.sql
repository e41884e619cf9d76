-- An order comes into the ledger, once, however often its task is repeated.
WITH placed AS (
    INSERT INTO orders (id, user_id, product_id, quantity, idempotency_key, amount_cents,
                        status, version, accepted_at)
    VALUES (%(order_id)s, %(user_id)s, %(product_id)s, %(quantity)s, %(key)s, %(amount_cents)s,
            'awaiting_payment', 2, to_timestamp(%(accepted_at_s)s))
    ON CONFLICT (id) DO NOTHING
    RETURNING id, user_id, product_id, quantity, accepted_at
), held AS (
    UPDATE products SET reserved = reserved + quantity FROM placed WHERE products.id = product_id
    RETURNING placed.id AS order_id, quantity, user_id, product_id, per_user_limit, accepted_at
), recorded AS (
    INSERT INTO order_events (order_id, version, status, at)
    SELECT id, 1, 'accepted', accepted_at FROM placed
    UNION ALL
    SELECT id, 2, 'awaiting_payment', greatest(accepted_at, clock_timestamp()) FROM placed
), moved AS (
    INSERT INTO stock_moves (order_id, kind, quantity, at, relayed_at)
    SELECT order_id, 'reserve', quantity, accepted_at, clock_timestamp() FROM held
)
INSERT INTO purchase_counts (product_id, user_id, held, ceiling)
SELECT product_id, user_id, quantity, per_user_limit FROM held WHERE per_user_limit IS NOT NULL
ON CONFLICT (product_id, user_id) DO UPDATE SET held = purchase_counts.held + excluded.held
