-- The ledger refuses an accepted order for good.
INSERT INTO cancelled_orders (id, user_id, product_id, quantity, idempotency_key, amount_cents,
                              accepted_at, reason)
VALUES (%(order_id)s, %(user_id)s, %(product_id)s, %(quantity)s, %(key)s, %(amount_cents)s,
        to_timestamp(%(accepted_at_s)s), %(reason)s) ON CONFLICT DO NOTHING
