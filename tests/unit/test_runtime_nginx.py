"""The mounted nginx configuration works unchanged but for its addresses and places."""

import re
import subprocess
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.runtimes.local import nginx
from harness.runtimes.local.addresses import AddressBook
from harness.runtimes.local.launch import Site
from harness.runtimes.state import StateFolder
from harness.topology import load_topology
from tests.support.small_project import NGINX, write_small_project


@pytest.fixture(params=["state", 'a "state" {}; of its own'], ids=["plain", "spaced"])
def site(tmp_path, request):
    topology = load_topology(write_small_project(tmp_path / "project"))
    state, addresses = StateFolder(tmp_path / request.param, "small"), AddressBook(topology)
    yield Site(topology, state, addresses)
    addresses.release_all()
    assert state.remove() == []


def rewritten(site, text):
    return nginx.rewrite(text, site, site.topology.services["nginx"], 1)


def test_an_upstream_lists_every_replica_with_its_options(site):
    found = re.findall(r"server 127\.0\.0\.1:(\d+) max_fails=0;", rewritten(site, NGINX))
    assert [int(port) for port in found] == [site.addresses.port("web", n) for n in (1, 2)]


def test_it_listens_at_its_own_port_of_the_loopback_only(site):
    listening = re.findall(r"listen ([^;]+);", rewritten(site, NGINX))
    assert listening == [f"127.0.0.1:{site.addresses.port('nginx', 1)}"]


def test_options_of_listen_are_kept(site):
    port = site.addresses.port("nginx", 1)
    assert f"listen 127.0.0.1:{port} backlog=2048;" in rewritten(site, "  listen 80 backlog=2048;")


def test_places_of_the_image_are_places_of_the_deployment(site):
    text = rewritten(site, NGINX)
    assert "access_log /dev/stdout;" in text
    assert "error_log /dev/stderr warn;" in text
    assert f"{site.state.path}/nginx-1/conf/mime.types".replace('"', r"\"") in text
    assert not re.search(r"(?m)^\s*(?:user|pid)\s", text)


PLACES = """
    client_body_temp_path /tmp/bodies;  # don't move to /tmp/elsewhere
    proxy_temp_path "/var/cache/nginx/proxied";
    log_format one '$request_uri "${is_args}" {}';
    access_log /tmp/log${is_args} one;
    include /etc/nginx/mime.types;
"""


def test_nginx_finds_them_whatever_the_temporary_folder_is_called(site):
    service = site.topology.services["nginx"]
    configuration = Path(service.mounts[0].source)
    configuration.write_text(NGINX.replace("    include /etc/nginx/mime.types;", PLACES))
    launch = nginx.launch(site, service, 1)
    launch.prepare()
    done = subprocess.run(
        [*launch.argv, "-t"], env=launch.environment, capture_output=True, text=True, check=False
    )
    assert "syntax is ok" in done.stderr
    assert (site.state.path / "nginx-1" / "tmp" / "bodies").is_dir()


def test_a_configuration_in_another_encoding_is_refused_by_file_and_line(site):
    service = site.topology.services["nginx"]
    Path(service.mounts[0].source).write_text("\n# Café\n", encoding="latin-1")
    with pytest.raises(UsageError, match=r"nginx\.conf:2: the byte 0xe9 is not UTF-8 text"):
        nginx.launch(site, service, 1).prepare()


def test_several_replicas_outside_an_upstream_are_refused(site):
    with pytest.raises(UsageError, match=r"web:8000.*several replicas"):
        rewritten(site, "location / { proxy_pass http://web:8000; }")


def test_the_servers_of_others_are_left_alone(site):
    assert "server example.org:80;" in rewritten(site, "    server example.org:80;")
