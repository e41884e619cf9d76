"""Which folder is the project, and what is taken from where."""

import pytest

from harness import project
from harness.errors import UsageError
from tests.support.edits import ROOT


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Lie among installed packages, with what the wheel brings along; called from a folder."""
    built_in = tmp_path / "packages" / "builtin"
    project.write_project(built_in)
    monkeypatch.setattr(project, "_BUILT_IN", built_in)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return built_in, here


def test_a_folder_without_compose_files_measures_what_the_package_brings_along(installed):
    built_in, here = installed
    assert project.project_root() == built_in
    assert project.results_root() == here
    assert project.project_file(built_in, "gate.toml") == built_in / "gate.toml"


def test_what_the_folder_has_comes_first(installed):
    built_in, here = installed
    (here / "gate.toml").touch()
    assert project.project_file(built_in, "gate.toml") == here / "gate.toml"


def test_a_folder_with_a_compose_file_is_a_project_of_its_own(installed):
    built_in, here = installed
    (here / "docker-compose.third.yml").touch()
    assert project.project_root() == project.results_root() == here
    assert project.project_file(here, "gate.toml") == here / "gate.toml"
    (here / "docker-compose.third.yml").rename(here / "docker-compose.override.yml")
    assert project.project_root() == built_in


def test_a_project_that_is_named_is_measured_wherever_the_harness_is_called(
    installed, tmp_path, monkeypatch
):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "docker-compose.third.yml").touch()
    monkeypatch.setenv(project.VARIABLE, str(foreign))
    assert project.project_root() == project.results_root() == foreign


def test_a_named_folder_without_compose_files_is_refused(installed, tmp_path, monkeypatch):
    monkeypatch.setenv(project.VARIABLE, str(tmp_path))
    with pytest.raises(UsageError, match=r"holds no docker-compose\.<approach>\.yml"):
        project.project_root()


def test_a_project_without_scenarios_has_those_of_the_package(installed, tmp_path):
    built_in, _ = installed
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (quick,) = project.scenario_files(foreign, "quick.toml")
    assert quick == built_in / "scenarios" / "quick.toml"
    (foreign / "scenarios").mkdir()
    assert project.scenario_files(foreign, "quick.toml") == []


def test_what_was_taken_out_is_the_project(tmp_path):
    written = project.write_project(tmp_path / "taken out")
    assert {path.name for path in project.compose_files(tmp_path / "taken out")} == {
        path.name for path in project.compose_files(ROOT)
    }
    for path in written:
        assert path.read_bytes() == (ROOT / path.relative_to(tmp_path / "taken out")).read_bytes()


def test_nothing_is_overwritten_and_nothing_is_written_then(tmp_path):
    (tmp_path / "gate.toml").write_text("mine")
    with pytest.raises(UsageError, match=r"gate\.toml is there already"):
        project.write_project(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["gate.toml"]
    assert (tmp_path / "gate.toml").read_text() == "mine"
