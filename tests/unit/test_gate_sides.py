"""Base and head as they are laid out: what is in them, and that nothing of them is left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.campaign.environment import capture
from harness.errors import InfrastructureError, NotComparable
from harness.gate import sides, worktree
from harness.runtimes.processes import read_stat
from harness.runtimes.state import StateFolder, default_state_root
from tests.support.repositories import commit, git, small_repository

COMPOSE = "docker-compose.small.yml"


@pytest.fixture
def root(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    small_repository(tmp_path / "project")
    return tmp_path / "project"


def edit(root, old, new):
    file = root / COMPOSE
    file.write_text(file.read_text().replace(old, new))


def worktrees(root):
    return git(root, "worktree", "list", "--porcelain").count("worktree ")


def test_base_is_the_revision_and_head_the_working_tree_with_what_is_not_yet_committed(root):
    first = git(root, "rev-parse", "HEAD")
    edit(root, "title: Small", "title: Smaller")
    commit(root)
    edit(root, "title: Smaller", "title: Smallest")
    (root / "notes.txt").write_text("new, and not yet known to git")
    with sides.laid_out(root, "HEAD~1") as both:
        found = [both.variant("small", side) for side in (sides.BASE, sides.HEAD)]
        assert [(one.name, one.title) for one in found] == [
            ("small-base", "Small, base"),
            ("small-head", "Smallest, head"),
        ]
        roots = [one.topology(root).root for one in found]
        assert roots == [both.base_folder, both.head_folder]
        assert (both.head_folder / "notes.txt").exists()
        assert both.base.revision == first
        assert not both.base.uncommitted
        assert both.head.uncommitted
        assert both.base.sources != both.head.sources
        assert both.both == tuple(both.of_head) == ("small",)
        edit(root, "title: Smallest", "title: Saved by an editor meanwhile")
        assert found[1].topology(root).title == "Smallest"
    assert worktrees(root) == 1
    assert not default_state_root().exists()


def test_a_gate_in_a_hook_leaves_the_commit_and_the_repository_as_they_are(root):
    (root / "notes.txt").write_text("one line\n")
    hook = root / ".git" / "hooks" / "pre-commit"
    words = "from pathlib import Path; from harness.gate import sides\n"
    words += "with sides.laid_out(Path.cwd(), 'HEAD'): pass"
    checkout = Path(__file__).parents[2]
    hook.write_text(f'#!/bin/sh\nPYTHONPATH={checkout} exec {sys.executable} -c "{words}"\n')
    hook.chmod(0o755)
    after_checkout = root / ".git" / "hooks" / "post-checkout"
    after_checkout.write_text("#!/bin/sh\necho ran >> ../ran\n")
    after_checkout.chmod(0o755)
    edit(root, "title: Small", "title: Smaller")
    commit(root)
    changed = git(root, "show", "--numstat", "--format=").splitlines()
    assert changed == ["1\t1\tdocker-compose.small.yml", "1\t0\tnotes.txt"]
    assert git(root, "status", "--porcelain") == ""
    assert worktrees(root) == 1
    assert not list(root.parent.rglob("ran"))


def test_what_git_says_of_a_named_repository_is_not_that_of_another(root, tmp_path, monkeypatch):
    first = git(root, "rev-parse", "HEAD")
    git(tmp_path, "init", "--quiet", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    assert worktree.head_of(root) == first
    assert capture(root)["git"] == {"revision": first, "uncommitted": False}


def test_what_is_not_deployed_makes_no_other_sources(root):
    (root / "README.md").write_text("documentation only")
    (root / "approaches").mkdir()
    (root / "approaches" / "kept.py").write_text("")
    before = sides.described(root)
    (root / "README.md").write_text("other documentation")
    assert sides.described(root).sources == before.sources
    (root / "approaches" / "kept.py").write_text("a = 1")
    assert sides.described(root).sources != before.sources


def test_a_base_without_a_lock_file_runs_on_the_packages_that_are_there(root):
    with sides.laid_out(root, "HEAD") as both:
        assert both.pythons == {}
        assert both.base.sources == both.head.sources


def test_a_base_with_another_lock_file_has_packages_of_its_own(root):
    (root / "pyproject.toml").write_text(
        '[project]\nname = "small"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = []\n'
    )
    uv = [sides.find_uv_bin(), "lock", "--quiet", "--offline", "--project", str(root)]
    subprocess.run(uv, check=True)
    commit(root)
    (root / "uv.lock").write_text((root / "uv.lock").read_text() + "# another\n")
    with sides.laid_out(root, "HEAD") as both:
        (python,) = both.pythons.values()
        assert both.pythons.keys() == {both.base_folder.resolve()}
        said = subprocess.check_output([python, "-c", "import sys; print(sys.prefix)"], text=True)
        assert Path(said.strip()) == both.base_folder.parent / "packages"
    assert not default_state_root().exists()


def test_packages_that_cannot_be_had_are_told_and_leave_nothing(root):
    (root / "pyproject.toml").write_text('[project]\nname = "small"\nversion = "1"\n')
    (root / "uv.lock").write_text("nonsense")
    commit(root)
    (root / "uv.lock").write_text("other nonsense")
    with pytest.raises(InfrastructureError, match="uv sync failed"), sides.laid_out(root, "HEAD"):
        pass
    assert worktrees(root) == 1
    assert not default_state_root().exists()


@pytest.mark.parametrize("name", ["no-such-branch", "--help", "HEAD:docker-compose.small.yml"])
def test_a_revision_that_is_missing_is_told(root, name):
    with pytest.raises(NotComparable, match="there is no revision"), sides.laid_out(root, name):
        pass
    assert worktrees(root) == 1


def test_a_folder_without_repository_has_no_base(tmp_path):
    with pytest.raises(NotComparable, match="not in a git repository"):
        worktree.revision_of(tmp_path, "HEAD")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title: Small", "colour: red", "cannot be deployed by this harness: .*colour"),
        ("x-harness:", "x-harness: []\nx-other:", "cannot be deployed by this harness"),
    ],
)
def test_a_base_that_this_harness_cannot_read_is_no_baseline(root, old, new, words):
    whole = (root / COMPOSE).read_text()
    edit(root, old, new)
    commit(root)
    (root / COMPOSE).write_text(whole)
    with pytest.raises(NotComparable, match=words), sides.laid_out(root, "HEAD"):
        pass
    assert worktrees(root) == 1


def test_a_base_without_common_approach_is_no_baseline(root):
    git(root, "mv", COMPOSE, "docker-compose.other.yml")
    with pytest.raises(NotComparable, match="no approach in common"), sides.laid_out(root, "HEAD"):
        pass


def abandoned(root, monkeypatch):
    """Make a worktree as a gate that has been killed since."""
    with subprocess.Popen(["sleep", "600"]) as owner:
        stat = read_stat(owner.pid)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: owner.pid)
            patch.setattr("harness.runtimes.state.read_stat", lambda _: stat)
            state = StateFolder(default_state_root(), "gate")
        path = worktree.add(root, git(root, "rev-parse", "HEAD"), state)
        assert worktree.remove_abandoned(root) == []
        owner.kill()
    return path, state


def test_the_worktree_of_a_killed_gate_is_removed(root, monkeypatch):
    path, state = abandoned(root, monkeypatch)
    (line,) = worktree.remove_abandoned(root)
    assert str(path) in line
    assert worktrees(root) == 1
    state.remove()


def test_so_is_its_entry_if_its_folder_is_gone_and_git_was_killed_while_it_was_made(
    root, monkeypatch
):
    path, state = abandoned(root, monkeypatch)
    git(root, "worktree", "lock", str(path), "--reason", "initializing")
    state.remove()
    assert worktrees(root) == 2
    worktree.remove_abandoned(root)
    assert worktrees(root) == 1


def test_a_worktree_that_somebody_else_made_stays(root, tmp_path):
    git(root, "worktree", "add", "--detach", str(tmp_path / "base"))
    assert worktree.remove_abandoned(root) == []
    assert worktrees(root) == 2
