"""Replicas go where they are named, and else where most processors are left: always the same."""

import pytest

from harness.errors import UsageError
from harness.runtimes.docker.placement import Place, place, replicas_on
from harness.topology import load_topology
from tests.support.small_project import write_small_project


@pytest.fixture
def topology(tmp_path):
    """Of nginx, web ×2 (with a volume), gateway, redis and postgres; without the volume."""
    compose = write_small_project(tmp_path / "project")
    compose.write_text(compose.read_text().replace('    volumes: ["notes:/data"]\n', ""))
    return load_topology(compose)


def node(name, *services, cpus=4.0, is_here=True):
    return Place(name, services, cpus, is_here)


def test_one_node_takes_all(topology):
    placement = place(topology, [node("alone")])
    assert placement == {
        "nginx": ("alone",),
        "web": ("alone", "alone"),
        "gateway": ("alone",),
        "redis": ("alone",),
        "postgres": ("alone",),
    }
    assert replicas_on(placement, "alone")["web"] == [1, 2]


def test_what_is_named_goes_there_and_replicas_are_dealt_out_in_turn(topology):
    scaled = topology.with_scale({"web": 3})
    nodes = [node("a", "web"), node("b", "web", "postgres", "redis"), node("c", "nginx", "gateway")]
    placement = place(scaled, nodes)
    assert placement["web"] == ("a", "b", "a")
    assert placement["postgres"] == placement["redis"] == ("b",)
    assert placement["nginx"] == placement["gateway"] == ("c",)
    assert replicas_on(placement, "a") == {"web": [1, 3]}


def test_the_rest_goes_where_most_is_left_and_of_equals_the_first(topology):
    nodes = [node("a", "postgres", cpus=2.0), node("b", cpus=2.0), node("c", cpus=4.0)]
    # a has 1 left and b 2; c 4: nginx and web-1 to c, web-2 to b, gateway to c, redis to a
    assert place(topology, nodes) == {
        "nginx": ("c",),
        "web": ("c", "b"),
        "gateway": ("c",),
        "redis": ("a",),
        "postgres": ("a",),
    }


def test_a_limit_counts_for_what_it_allows(topology):
    limited = topology.with_settings({("web", "cpus"): "0.25", ("nginx", "cpus"): "3"})
    placement = place(limited, [node("a"), node("b")])
    assert placement["nginx"] == ("a",)
    assert placement["web"] == ("b", "b")


def test_a_limit_that_no_node_can_grant_is_refused(topology):
    limited = topology.with_settings({("web", "cpus"): "3"})
    large, small = node("large"), node("small", cpus=2.0)
    assert place(limited, [small, large])["web"] == ("large", "large")
    for nodes in ([small], [large, node("small", "web", cpus=2.0)]):
        with pytest.raises(UsageError, match=r"no node takes web: it may use 3 .*small has 2"):
            place(limited, nodes)


def test_a_volume_is_on_one_node(tmp_path):
    topology = load_topology(write_small_project(tmp_path / "with-volume"))
    with pytest.raises(UsageError, match="notes would be another volume on each of a, b"):
        place(topology, [node("a", "web"), node("b", "web")])


def test_what_writes_to_a_folder_of_this_machine_stays_on_it(tmp_path):
    compose = write_small_project(tmp_path / "writes")
    compose.write_text(compose.read_text().replace("notes:/data", "./small_web:/data"))
    topology = load_topology(compose)
    assert place(topology, [node("here", "web"), node("far", is_here=False)])
    with pytest.raises(UsageError, match=r"web writes to .*small_web.* and runs on far") as caught:
        place(topology, [node("here"), node("far", "web", is_here=False)])
    assert ":ro" in caught.value.hint
