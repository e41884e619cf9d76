"""A user's proxies and client settings steer neither the harness' clients nor what it starts."""

import json
import os
import urllib.request

import httpx
import psycopg
import pytest

from tests.support.fake_harness import FAKE, FakeHarness, at, stop_at

OF_THE_USER = {
    "http_proxy": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "SSL_CERT_FILE": "/nowhere/certificates.pem",
    "PGSSLMODE": "require",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGHOSTADDR": "192.0.2.1",
    "PGCONNECT_TIMEOUT": "1",
    "REDIS_URL": "redis://192.0.2.1",
    "REDISCLI_AUTH": "another password",
}


def test_clients_and_children_see_nothing_of_the_users_own_clients(harness, tmp_path, monkeypatch):
    for name, text in OF_THE_USER.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("REDIS_IMAGE", "mirror/redis")
    seen = tmp_path / "seen.json"

    def look():
        httpx.Client().close()  # it reads the certificates
        libpq = psycopg.pq.Conninfo.get_defaults()
        facts = {
            "environment": sorted({*OF_THE_USER, "REDIS_IMAGE"} & set(os.environ)),
            "proxies": urllib.request.getproxies(),
            "libpq": {one.keyword.decode(): (one.val or b"").decode() for one in libpq},
        }
        seen.write_text(json.dumps(facts))

    done = harness.run(
        *("run", FAKE, "--approach", "sync", "--runs", "1", "--out", tmp_path / "c"),
        happens=at("up", look),
    )
    assert done.returncode == 0, done.said
    facts = json.loads(seen.read_text())
    assert facts["environment"] == ["REDIS_IMAGE"]
    assert facts["proxies"] == {}
    assert facts["libpq"]["sslmode"] == "prefer"
    assert not facts["libpq"]["options"] + facts["libpq"]["hostaddr"]


@pytest.mark.slow
def test_harnesses_with_other_temporary_folders_do_not_measure_each_other(harness, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    other = FakeHarness(tmp_path / "elsewhere")
    mark = tmp_path / "mark"
    first = harness.start(
        *("run", FAKE, "--out", tmp_path / "one"), happens=at("up", stop_at(mark))
    )
    first.wait_until(mark.exists)
    second = other.run("run", FAKE, "--out", tmp_path / "two")
    assert second.returncode == 70, second.said
    assert f"another harness is measuring on this machine (pid {first.pid}" in second.stderr
    assert harness.stop_started() is None
    assert other.run("run", FAKE, "--runs", "1", "--out", tmp_path / "two").returncode == 0
