-- One statement, and so one transaction: the conditional update decides about the stock, constraints about a key used
-- twice at once and about the limit per buyer, and they undo all of it.
WITH earlier AS (
    SELECT id FROM orders WHERE user_id = %(user)s AND idempotency_key = %(key)s
), full_up AS (
    SELECT FROM products p
    LEFT JOIN purchase_counts c ON c.product_id = p.id AND c.user_id = %(user)s
    WHERE p.id = %(product)s AND coalesce(c.held, 0) + %(quantity)s > p.per_user_limit
), offered AS (
    UPDATE products SET reserved = reserved + %(quantity)s
    WHERE id = %(product)s AND reserved + sold + %(quantity)s <= initial_stock
      AND NOT EXISTS (SELECT FROM earlier) AND NOT EXISTS (SELECT FROM full_up)
    RETURNING price_cents * %(quantity)s AS amount_cents, per_user_limit, clock_timestamp() AS at
), counted AS (
    INSERT INTO purchase_counts (product_id, user_id, held, ceiling)
    SELECT %(product)s, %(user)s, %(quantity)s, per_user_limit FROM offered
    WHERE per_user_limit IS NOT NULL
    ON CONFLICT (product_id, user_id) DO UPDATE
    SET held = purchase_counts.held + excluded.held, ceiling = excluded.ceiling
), placed AS (
    INSERT INTO orders (id, user_id, product_id, quantity, idempotency_key, amount_cents,
                        status, version, accepted_at)
    SELECT %(order)s, %(user)s, %(product)s, %(quantity)s, %(key)s, amount_cents, 'accepted', 1, at
    FROM offered
), recorded AS (
    INSERT INTO order_events (order_id, version, status, at)
    SELECT %(order)s, 1, 'accepted', at FROM offered
), moved AS (
    INSERT INTO stock_moves (order_id, kind, quantity, at, relayed_at)
    SELECT %(order)s, 'reserve', %(quantity)s, at, at FROM offered
), queued AS (
    INSERT INTO outbox (order_id) SELECT %(order)s FROM offered
)
SELECT (SELECT id::text FROM earlier), EXISTS (SELECT FROM offered),
       EXISTS (SELECT FROM products WHERE id = %(product)s), EXISTS (SELECT FROM full_up)
