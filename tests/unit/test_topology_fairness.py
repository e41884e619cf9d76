"""What is not architecture is the same in every approach, as far as the compose files say it."""

from math import prod

from harness.topology import discover, project_root

HASHING = {"sync": ("api", ("HASH_THREADS",)), "queue": ("api", ("HASH_THREADS", "PROCESSES"))}
"""Who hashes passwords in an approach, and what its threads for that are the product of."""


def hash_threads(topology, service, factors) -> int:
    described = topology.services[service]
    return described.replicas * prod(int(described.environment[name]) for name in factors)


def test_every_approach_hashes_as_many_passwords_at_once():
    topologies = discover(project_root())
    assert set(topologies) == set(HASHING)
    totals = {name: hash_threads(topologies[name], *HASHING[name]) for name in HASHING}
    assert totals == dict.fromkeys(HASHING, 8)
