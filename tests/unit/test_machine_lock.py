"""Every harness of the machine takes the same lock, whoever started it, and wherever."""

import pytest

from harness.errors import InfrastructureError
from harness.runtimes import measuring


def test_the_lock_of_the_machine_is_one_file_for_every_user(tmp_path, monkeypatch):
    lock = tmp_path / "machine.lock"
    monkeypatch.setenv("FLASHSALE_LOCK", str(lock))
    for temporary in ("one", "two"):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / temporary))
        with measuring(f"campaign {temporary}"):
            assert lock.stat().st_mode & 0o777 == 0o666
            monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
            with pytest.raises(InfrastructureError, match=temporary), measuring("another"):
                pass
        assert not lock.exists()
    assert tmp_path.is_dir()


def test_no_link_is_taken_for_the_lock(tmp_path, monkeypatch):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "machine.lock").symlink_to(precious)
    monkeypatch.setenv("FLASHSALE_LOCK", str(tmp_path / "machine.lock"))
    with pytest.raises(InfrastructureError, match=r"cannot lock .*machine\.lock"), measuring("it"):
        pass
    assert precious.read_text() == "kept"


def test_a_lock_in_a_missing_folder_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("FLASHSALE_LOCK", str(tmp_path / "missing" / "machine.lock"))
    with pytest.raises(InfrastructureError, match="cannot lock"), measuring("it"):
        pass
