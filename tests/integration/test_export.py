"""`harness export`: what a user sees; and what kubectl makes of the folder."""

import os
import shutil
import subprocess

import pytest
import yaml

from tests.integration.test_wrong_usage import refused
from tests.support.api_server import api_server
from tests.support.commands import HARNESS, run_to_its_end
from tests.support.edits import ROOT

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def kubectl():
    """The program; without it the test is skipped, or with REQUIRE_KUBECTL=1 fails."""
    found = shutil.which("kubectl")
    if found is None:
        words = "kubectl is not on this machine"
        pytest.fail(words) if os.environ.get("REQUIRE_KUBECTL") == "1" else pytest.skip(words)
    return found


def test_a_folder_is_written_and_what_is_lost_is_said(harness, tmp_path):
    folder = tmp_path / "manifests"
    done = harness.run("export", "kubernetes", "sync", "--out", folder, "--set", "api.THREADS=9")
    assert done.returncode == 0, done.stderr
    assert f"files in {folder}" in done.stdout
    lines = done.stderr.splitlines()
    assert lines
    assert all(line.startswith("warning: ") for line in lines)
    assert "warning: build: api, payment-gateway: " in done.stderr
    assert (folder / "README.md").is_file()
    assert 'value: "9"' in (folder / "base" / "api.yaml").read_text()
    refused(harness.run("export", "kubernetes", "sync", "--out", folder), 64, "not empty", "--out")


def test_wrong_words_are_refused_and_nothing_is_written(harness, tmp_path):
    folder = tmp_path / "manifests"
    for words, named in (
        (["kubernetes", "telepathy"], "'telepathy'"),
        (["helm", "sync"], "helm"),
        (["kubernetes", "sync", "--scale", "postgres=2"], "postgres"),
        (["kubernetes", "sync", "--namespace", "A b"], "A b"),
    ):
        refused(harness.run("export", *words, "--out", folder), 64, named)
    refused(harness.run("export", "kubernetes", "sync"), 64, "--out")
    assert not folder.exists()


@pytest.fixture(scope="module")
def built(kubectl, tmp_path_factory):
    """What kubectl builds of each folder of an export, and where the export is."""
    folder = tmp_path_factory.mktemp("export") / "manifests"
    run_to_its_end([HARNESS, "export", "kubernetes", "queue", "--out", folder], 60, cwd=ROOT)

    def objects(part):
        text = run_to_its_end([kubectl, "kustomize", folder / part], 60).stdout
        found = [one for one in yaml.safe_load_all(text) if one]
        assert {one["metadata"]["namespace"] for one in found} == {"queue"}
        return {(one["kind"], one["metadata"]["name"]): one for one in found}

    return folder, {part: objects(part) for part in ("base", "keda", "monitoring")}


def test_kubectl_builds_every_folder(built):
    base, keda, monitoring = built[1].values()
    assert base["Deployment", "payment-worker"]["spec"]["replicas"] == 6
    assert "replicas" not in keda["Deployment", "payment-worker"]["spec"]
    assert keda.keys() > base.keys()
    assert not monitoring.keys() & base.keys()
    assert ("PrometheusRule", "queue") in monitoring


@pytest.mark.parametrize("part", ["base", "keda", "monitoring"])
def test_kubectl_would_create_every_object(built, kubectl, tmp_path, part):
    folder, objects = built
    with api_server(objects[part].values()) as url:
        done = run_to_its_end(
            [kubectl, "create", "--dry-run=client", "--validate=false", "--output", "name",
             "--server", url, "--cache-dir", tmp_path, "--kustomize", folder / part],
            60, env={**os.environ, "KUBECONFIG": os.devnull}, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(objects[part])
