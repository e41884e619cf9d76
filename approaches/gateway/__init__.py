"""The simulated payment provider: part of the world, the same for every approach.

It behaves as Stripe documents its own API: a key names a charge, a replay is answered like the
first time, the same key with another body is an error. What it decides is a pure function of a
seed, so two approaches meet the same customers and an auditor can recompute every outcome. What it
executed is in a log that survives its death.
"""
