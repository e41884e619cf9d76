"""The shop on PostgreSQL alone: what is accepted is a row, and so is what is left to do.

| module | what it is |
|---|---|
| `outbox.sql` | the table of work, and the triggers that announce it |
| `outbox` | accept, take, settle: the statements |
| `api` | the web service; the event streams are the same program |
| `payment_worker` | takes rows with FOR UPDATE SKIP LOCKED, charges, settles |

An order, its unit and its row of work are one statement, so what is acknowledged cannot get lost.
A row is taken for LEASE_S and deleted when its order has ended: whoever dies in between leaves it
to the next, who asks the gateway again under the same key.
"""
