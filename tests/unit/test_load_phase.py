"""How a load is stopped, whatever ended it."""

from types import SimpleNamespace

from harness.campaign.load_phase import LoadPhase


def test_what_is_broken_is_mended_before_anything_else_is_waited_for():
    called = []

    def part(name, method):
        return SimpleNamespace(**{method: lambda: called.append(name)})

    phase = LoadPhase.__new__(LoadPhase)
    phase._prober, phase._sampler = part("prober", "stop"), part("sampler", "stop")
    phase._injector, phase._generator = part("faults", "give_up"), part("generator", "stop")
    phase.__exit__(None)
    assert called == ["faults", "prober", "sampler", "generator"]
