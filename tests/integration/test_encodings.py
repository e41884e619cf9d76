"""A terminal, pipe or locale that cannot encode all that is said: it is replaced, never a crash."""

import os
import subprocess
import sys

import pytest

from tests.integration.conftest import ROOT
from tests.integration.test_wrong_usage import refused
from tests.support.commands import HARNESS, run_to_its_end
from tests.support.fake_harness import FAKE
from tests.support.nightly import slower, store

pytestmark = pytest.mark.integration

ASCII_ONLY = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""An environment in which Python takes every text for ASCII, file names included."""


@pytest.mark.parametrize(
    ("encoding", "dot"), [("ascii", "?"), ("iso-8859-1", "·"), ("cp1252", "·"), ("utf-8", "·")]
)
def test_a_campaign_is_told_in_the_encoding_of_its_output(harness, tmp_path, encoding, dot):
    harness.encoding = encoding
    done = harness.run("run", FAKE, "--approach", "sync", "--runs", 1, "--out", tmp_path / "c")
    assert done.returncode == 0, done.said
    assert f" {dot} audit PASS {dot} valid" in done.stdout


def test_an_error_is_told_in_the_encoding_of_its_output(harness):
    harness.encoding = "ascii"
    refused(harness.run("run", "--out", "no → way", "--runs", "viele…"), 64, "--runs viele?")


def test_an_output_that_is_full_is_told():
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [HARNESS, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 70
    assert done.stderr.startswith("error: there is no space left\nhint: free some space")
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_a_path_beyond_ascii_is_read_and_written_where_all_is_ascii(tmp_path):
    nights = tmp_path / "café"
    store(nights / "crème", slower(0, 20))
    done = run_to_its_end(
        [HARNESS, "history", os.fsencode(nights)],
        240,
        cwd=ROOT,
        env={**os.environ, **ASCII_ONLY},
        stderr=subprocess.PIPE,
    )
    assert done.returncode == 0, done.stderr
    page = (nights / "history" / "index.html").read_text(encoding="utf-8")
    assert "crème" in page


def test_the_scripts_of_the_queue_are_read_where_all_is_ascii():
    made = "Store('redis://localhost', timeout_s=1, connections=1)"
    subprocess.run(
        [sys.executable, "-c", f"from approaches.queue.redis_store import Store; {made}"],
        cwd=ROOT,
        env={**os.environ, **ASCII_ONLY},
        check=True,
    )
