"""What is not architecture is the same in every approach, as far as the compose files say it."""

from harness.project import project_root
from harness.topology import discover


def hash_threads(topology) -> int:
    """Add up HASH_THREADS of all processes of an approach."""
    hashing = [one for one in topology.services.values() if "HASH_THREADS" in one.environment]
    return sum(
        one.replicas
        * int(one.environment["HASH_THREADS"])
        * int(one.environment.get("PROCESSES", 1))
        for one in hashing
    )


def test_every_approach_hashes_as_many_passwords_at_once():
    topologies = discover(project_root())
    assert {"queue", "sync"} <= set(topologies)
    assert {name: hash_threads(one) for name, one in topologies.items()} == dict.fromkeys(
        topologies, 8
    )
