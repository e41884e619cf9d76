"""The queued shop: accept in Redis, record in PostgreSQL, charge behind it, survive any death.

| module | what it is |
|---|---|
| `lua/` | the atomic steps in Redis: accept, advance, settle; requeue, restore, rebuild, resume |
| `redis_store` | those steps as methods; `keys` has the names, `order` an order in both stores |
| `ledger` | the statements in PostgreSQL |
| `api`, `events` | the web services; `http` is what they share |
| `order_worker`, `payment_worker` | the workers; `worker`, `consumer`, `worker_health` are shared |
| `service`, `queue_settings` | how each of them starts |
| `recovery` | the leader that repairs what processes that died left |
"""
