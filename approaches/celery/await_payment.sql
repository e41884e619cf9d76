-- The payment provider is about to be asked.
WITH begun AS (
    UPDATE orders SET status = 'awaiting_payment', version = 2
    WHERE id = %(order_id)s AND status = 'accepted' RETURNING id
)
INSERT INTO order_events (order_id, version, status) SELECT id, 2, 'awaiting_payment' FROM begun
