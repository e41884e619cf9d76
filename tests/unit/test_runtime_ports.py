"""Ports on another machine cannot be held: they are drawn, and no two are alike."""

from harness.runtimes.ports import draw_for
from harness.topology import PublishedPort, Service


def service(*published):
    return Service("nginx", "nginx:1", built=False, expose=(80,), published=published)


def test_a_published_port_is_the_one_that_is_stated():
    stated = service(PublishedPort(host=8080, container=80))
    assert draw_for(stated, 80, ()) == draw_for(stated, 80, {8080}) == 8080


def test_any_other_is_none_of_those_that_are_drawn():
    drawn = set()
    for _ in range(500):
        port = draw_for(service(PublishedPort(host=0, container=80)), 80, drawn)
        assert port not in drawn
        assert 10_000 <= port < 65_536
        drawn.add(port)
