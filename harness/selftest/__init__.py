"""Can this machine, and this harness, distinguish a difference from none?

    copies              one approach as three variants: two are the same, one answers 20 ms later
    null_shop           a shop that answers at once: what is measured there is the generator itself
    generator_limits    its latency floor, and how much load it can generate
    selftest_judgement  what the self-test comes to
    selftest_run        all of it, in order

The shop is started as `python -m harness.selftest.null_shop`, so nothing is imported here.
"""
