"""What `make release` demands of a commit, and that it says what is wrong."""

from pathlib import Path

import pytest

from harness.errors import InfrastructureError, UsageError
from publishing.release import build_image, checked_release, main
from tests.support.repositories import commit, git

CHANGELOG = """# Changelog

## Unreleased

- Later.

## 1.2.0 (2026-11-30)

### Added

- Something.

## [1.1.0]

- Older.
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A committed project of version 1.2.0, tagged as such."""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path, "One")
    git(tmp_path, "tag", "v1.2.0")
    return tmp_path


def test_a_tagged_commit_is_released_with_its_section_of_the_changelog(project: Path):
    release = checked_release(project)
    assert release.version == "1.2.0"
    assert release.notes == "### Added\n\n- Something."


def test_the_version_may_stand_in_brackets_and_the_tag_may_have_a_message(project: Path):
    (project / "pyproject.toml").write_text('[project]\nversion = "1.1.0"\n')
    commit(project)
    git(project, "tag", "--annotate", "v1.1.0", "--message", "Older")
    assert checked_release(project).notes == "- Older."


def untracked(project: Path) -> None:
    (project / "forgotten.py").touch()


def changed(project: Path) -> None:
    (project / "CHANGELOG.md").write_text("")


def untagged(project: Path) -> None:
    commit(project)


def tagged_otherwise(project: Path) -> None:
    commit(project)
    git(project, "tag", "v1.3.0")


def unsaid(project: Path) -> None:
    (project / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- Something.\n")
    commit(project)
    git(project, "tag", "--force", "v1.2.0")


def empty(project: Path) -> None:
    (project / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.0\n\n## 1.1.0\n\n- Older.\n")
    commit(project)
    git(project, "tag", "--force", "v1.2.0")


@pytest.mark.parametrize(
    ("spoil", "error", "hint"),
    [
        (untracked, "forgotten.py", "commit them"),
        (changed, "CHANGELOG.md", "commit them"),
        (untagged, "no tag", "git tag v1.2.0"),
        (tagged_otherwise, "the tag is v1.3.0, but pyproject.toml says 1.2.0", "uv lock"),
        (unsaid, "says nothing of version 1.2.0", "## 1.2.0"),
        (empty, "says nothing of version 1.2.0", "## 1.2.0"),
    ],
)
def test_what_cannot_be_released_is_refused_in_words(
    project: Path, spoil, error: str, hint: str, capsys: pytest.CaptureFixture[str]
):
    spoil(project)
    assert main(project) == 64
    said = capsys.readouterr().err
    first, _, second = said.partition("\nhint: ")
    assert first.startswith("error: ")
    assert error in first
    assert hint in second
    assert not (project / "dist").exists()


def test_a_folder_without_a_repository_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="no git checkout"):
        checked_release(tmp_path)


ENGINE = """#!/bin/sh
echo "$@" >> {calls}
[ "$1" = version ] || [ "$PYTHON_IMAGE" != broken ]
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Docker that writes down what it is asked, and cannot build on a broken image."""
    calls, program = tmp_path / "calls", tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(ENGINE.format(calls=calls))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.delenv("PYTHON_IMAGE", raising=False)
    (tmp_path / ".env").write_text("PYTHON_IMAGE=python:3.13-slim\n")
    return calls


def test_the_image_is_built_on_the_python_of_the_compose_files(calls: Path):
    root = calls.parent
    build_image(root, "1.2.0")
    assert calls.read_text().splitlines()[-1] == (
        f"build --file {root}/approaches/Dockerfile --build-arg PYTHON_IMAGE=python:3.13-slim "
        f"--tag flashsale-approaches:1.2.0 {root}"
    )


def test_an_image_that_cannot_be_built_is_an_error(calls: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHON_IMAGE", "broken")
    with pytest.raises(InfrastructureError, match="docker build"):
        build_image(calls.parent, "1.2.0")
