"""Every recorded mutant is caught by its invariant, whenever the audit is run again."""

import pytest

import harness.audit
from harness.results.findings import Finding, Verdict, worst
from harness.results.store import load_findings, load_run
from tests.mutants import recording
from tests.mutants.answers import CONTRACT
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant, control
from tests.mutants.recording import HINT, RECORDED

DEPLOYED = [one for one in MUTANTS if one.caught_by != CONTRACT]
CONTROLS = [
    control(approach, load)
    for approach, load in sorted({(one.approach, one.load) for one in DEPLOYED})
]
LARGEST_BYTES = 11_000_000
"""What all recordings may take together: they are in the repository, and in every clone of it."""


def recorded(mutants: list[Mutant]):
    return [
        pytest.param(one, id=recording.folder_of(one).name)
        for one in mutants
        if recording.is_recorded(one)
    ]


def audited(mutant: Mutant) -> dict[str, Finding]:
    run = load_run(recording.folder_of(mutant))
    return {finding.id: finding for finding in harness.audit.audit(run)}


@pytest.mark.parametrize("mutant", recorded(DEPLOYED))
def test_a_recorded_mutant_is_caught_as_it_was(mutant: Mutant) -> None:
    known = {one.id: one for one in load_findings(recording.folder_of(mutant))}
    found = audited(mutant)
    recording.check(mutant, found.values())
    now, then = found[mutant.caught_by], known[mutant.caught_by]
    assert (now.count, now.summary) == (then.count, then.summary), HINT
    assert len(now.examples) == len(then.examples)


@pytest.mark.parametrize("mutant", recorded(CONTROLS))
def test_the_shop_without_a_mutation_passes(mutant: Mutant) -> None:
    found = audited(mutant)
    not_passed = {name: one.summary for name, one in found.items() if one.verdict != Verdict.PASS}
    run = load_run(recording.folder_of(mutant))
    if "user_id" not in run.buyers.columns:  # recorded before buyers wrote down who they are
        assert found["I19"].verdict is Verdict.UNKNOWN
        assert not_passed.pop("I19").startswith("not measured: requests has no column")
    assert not_passed == {}


@pytest.mark.parametrize("mutant", recorded([one for one in DEPLOYED if one.alone]))
def test_without_its_invariant_a_recorded_mutant_would_pass(mutant: Mutant) -> None:
    others = [one for name, one in audited(mutant).items() if name != mutant.caught_by]
    assert worst(one.verdict for one in others) is not Verdict.FAIL


@pytest.mark.parametrize("mutant", recorded([*DEPLOYED, *CONTROLS]))
def test_no_recording_outlives_its_mutant(mutant: Mutant) -> None:
    made = recording.origin(mutant)
    assert made["mutant"] == mutant.name
    assert made["fingerprint"] == recording.fingerprint(mutant), f"{mutant.name}: {HINT}"
    assert made["revision"]


def test_what_has_no_recording_is_listed_and_there_is_nothing_else() -> None:
    listed = (RECORDED / recording.MISSING).read_text(encoding="utf-8").split()
    absent = [one for one in DEPLOYED if not recording.is_recorded(one)]
    assert listed == sorted(one.name for one in absent), HINT
    named = {recording.folder_of(one).name for one in [*DEPLOYED, *CONTROLS]}
    assert {path.name for path in RECORDED.iterdir() if path.is_dir()} <= named


@pytest.mark.parametrize("mutant", recorded(DEPLOYED))
def test_a_recorded_mutant_has_a_recorded_control(mutant: Mutant) -> None:
    assert recording.is_recorded(control(mutant.approach, mutant.load)), HINT


def test_the_recordings_are_small() -> None:
    files = [path for path in RECORDED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= LARGEST_BYTES


def test_a_run_that_is_not_what_it_should_show_is_not_recorded(tmp_path) -> None:
    healthy = recording.folder_of(control("queue", "rush"))
    (wrong,) = (one for one in MUTANTS if one.name == "queue-release-never")
    with pytest.raises(recording.RecordingError, match="is not caught by I2"):
        recording.record(wrong, healthy, tmp_path)
    assert list(tmp_path.iterdir()) == []
