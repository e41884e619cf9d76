-- How the ledger of approaches/shop/schema.sql is read, and what a reset does to it. A system with tables of its own has
-- a file like this one, and names it under `x-harness.ledger.sql` of its compose file.

-- name: orders
SELECT id::text AS order_id, user_id, product_id, quantity, idempotency_key AS key, amount_cents, status, version,
       accepted_at, settled_at
FROM orders;

-- name: order_events
SELECT order_id::text, version, status, at FROM order_events;

-- name: payments
SELECT order_id::text, charge_id, outcome, amount_cents, at FROM payments;

-- name: stock_moves
SELECT order_id::text, kind, quantity, at, relayed_at IS NOT NULL AS relayed, seq FROM stock_moves;

-- name: products
SELECT id, price_cents, initial_stock, reserved, sold FROM products;

-- name: cancelled_orders
SELECT id::text AS order_id, user_id, product_id, quantity, idempotency_key AS key, reason
FROM cancelled_orders ORDER BY cancelled_at, id;

-- name: password_hashes
SELECT password_hash FROM users;

-- name: empty
TRUNCATE users, orders, payments, stock_moves, order_events, purchase_counts, cancelled_orders, products
RESTART IDENTITY CASCADE;

-- name: seed
INSERT INTO products (id, name, price_cents, initial_stock, per_user_limit)
VALUES (%(id)s, %(name)s, %(price_cents)s, %(stock)s, %(per_user_limit)s);

-- name: leftovers
SELECT 'users', count(*) FROM users
UNION ALL SELECT 'purchase_counts', count(*) FROM purchase_counts;

-- name: account
SELECT id FROM users WHERE email = %(email)s;

-- name: delete_accounts
DELETE FROM users WHERE id = ANY(%(ids)s);
