"""`make release` on a clone of this project, tagged there, where no Docker engine answers."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.repositories import commit, git

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]


def test_a_tagged_clone_has_wheel_sources_and_notes_and_says_that_it_has_no_image(tmp_path: Path):
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    clone = tmp_path / "clone"
    git(ROOT, "clone", "--quiet", "--no-tags", str(ROOT), str(clone))
    version = tomllib.loads((clone / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    changelog = clone / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    changelog.write_text(text.replace("## Unreleased", f"## {version}", 1), "utf-8")
    commit(clone, "Release")
    git(clone, "tag", f"v{version}")
    done = subprocess.run(
        [sys.executable, "-m", "publishing.release"],
        cwd=clone,
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/no-engine"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"NO IMAGE: no Docker engine answers; flashsale-approaches:{version}" in done.stderr
    assert done.stdout.splitlines() == [
        f"dist/flashsale_harness-{version}-py3-none-any.whl",
        f"dist/flashsale_harness-{version}.tar.gz",
        "dist/release-notes.md",
    ]
    assert git(clone, "status", "--porcelain") == ""
