"""Can this machine, and this harness, tell a difference from none?

    copies      one approach under three names: two are the same, one answers 20 ms later
    delay       the proxy that makes the difference; all three have it
    null_shop   a shop that answers at once: what is measured there is the generator itself
    generator   its latency floor, and how much load it can generate
    judgement   what the self-test comes to
    conduct     all of it, in order

The proxy and the shop are started as `python -m harness.selftest.<name>`, so nothing is imported
here.
"""
