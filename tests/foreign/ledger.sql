-- The boutique's tables as the relations of the audit. It keeps no history of orders and no moves of stock.

-- name: orders
SELECT no::text AS order_id, member AS user_id, substr(sku, 2)::int AS product_id, count AS quantity,
       request_id AS key, (total * 100)::int AS amount_cents,
       CASE state WHEN 'NEW' THEN 'accepted' WHEN 'PAYING' THEN 'awaiting_payment'
                  WHEN 'PAID' THEN 'confirmed' ELSE 'declined' END AS status,
       created AS accepted_at, closed AS settled_at
FROM purchases

-- name: products
SELECT substr(sku, 2)::int AS id, (price * 100)::int AS price_cents,
       (stock + held + sold)::int AS initial_stock, held::int AS reserved, sold::int
FROM items, LATERAL (
    SELECT coalesce(sum(count) FILTER (WHERE state IN ('NEW', 'PAYING')), 0) AS held,
           coalesce(sum(count) FILTER (WHERE state = 'PAID'), 0) AS sold
    FROM purchases WHERE purchases.sku = items.sku
) AS counted

-- name: waiting
SELECT count(*) FROM tasks

-- name: empty
TRUNCATE members, sessions, items, purchases, tasks RESTART IDENTITY

-- name: seed
INSERT INTO items VALUES ('I' || %(id)s, %(name)s, %(price_cents)s / 100.0, %(stock)s)

-- name: leftovers
SELECT 'members', count(*) FROM members UNION ALL SELECT 'tasks', count(*) FROM tasks
