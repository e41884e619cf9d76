"""The queued shop: accept in Redis, record in PostgreSQL, charge behind it, survive any death.

| module | what it is |
|---|---|
| `lua/` | the atomic steps in Redis: accept, advance, settle; requeue, restore, rebuild, resume |
| `store` | those steps as methods, `keys` the names, `order` what both stores tell of an order |
| `ledger` | the statements in PostgreSQL |
| `api`, `events` | the web services, `edge` what they share |
| `order_worker`, `payment_worker` | the workers; `worker`, `consumer`, `health` what they share |
| `service`, `settings` | how each of them starts |
| `recovery` | the leader that looks after the dead |
"""
