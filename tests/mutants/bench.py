"""Deploys a mutant and measures it with the public command, once per session."""

import gzip
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from harness.errors import ExitCode
from harness.results.findings import Finding, Verdict
from harness.results.store import RunData, load_findings, load_run
from harness.runtimes import Deployment, LocalRuntime
from harness.topology import load_topology
from tests.contract.shops import SEED, Shop, small_and_fast
from tests.mutants.mutant import LOADS, Mutant, build
from tests.mutants.recording import record
from tests.support.commands import HARNESS, run_to_its_end

RUN_LIMIT_S = 300
TRIES = 3
"""A race needs luck: a mutant that was not caught is loaded again, under another seed."""


@dataclass(frozen=True)
class Outcome:
    """What came of one mutant under its load."""

    mutant: Mutant
    project: Path
    exit_code: int
    output: str
    seconds: float
    tries: int

    @property
    def is_caught(self) -> bool:
        """Whether the run failed its audit by the invariant that is meant to see the mutant."""
        return self.exit_code == ExitCode.CORRECTNESS and self.mutant.caught_by in self.failed

    @property
    def run_folder(self) -> Path:
        """The stored run."""
        return self.project / "campaign" / "runs" / f"01-{self.mutant.approach}"

    @cached_property
    def run(self) -> RunData:
        """The facts of the stored run."""
        return load_run(self.run_folder)

    @cached_property
    def findings(self) -> dict[str, Finding]:
        """The audit of the stored run, by invariant."""
        return {finding.id: finding for finding in load_findings(self.run_folder)}

    @property
    def failed(self) -> list[str]:
        """The invariants that do not hold."""
        return [name for name, one in self.findings.items() if one.verdict is Verdict.FAIL]

    def unsigned_services(self) -> list[str]:
        """The services of the approach whose log does not say that they are the mutant's.

        The proxy before a store that a fault freezes runs a file, no module: it is the harness'.
        """
        signature = f"mutant {self.mutant.name} runs from {self.project}/approaches/__init__.py"
        built = [
            (name, service["replicas"])
            for name, service in self.run.record.topology["services"].items()
            if service["built"] and "-m" in service["command"]
        ]
        logs = [
            self.run_folder / "logs" / f"{name}-{number}.log.gz"
            for name, replicas in built
            for number in range(1, replicas + 1)
        ]
        return [log.name for log in logs if signature not in _text(log)]


def _text(log: Path) -> str:
    with gzip.open(log, "rt", encoding="utf-8", errors="replace") as lines:
        return lines.read()


@dataclass
class Bench:
    """Runs mutants one after the other below a folder, and remembers what came of each."""

    folder: Path
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    """What the contract tests said of the mutants that they are to catch."""
    records: bool = False
    """Whether what is caught, or passes, replaces its recording."""
    kept: set[tuple[str, str]] = field(default_factory=set)

    def outcome(self, mutant: Mutant) -> Outcome:
        """Deploy a mutant, load it, audit it; or return what came of it before."""
        known = (mutant.name, mutant.load)
        if known not in self.outcomes:
            self.outcomes[known] = self._catch(mutant)
        return self.outcomes[known]

    def keep(self, outcome: Outcome) -> None:
        """Record a run that is what it should be, once, if asked for recordings."""
        mutant = outcome.mutant
        if self.records and (mutant.name, mutant.load) not in self.kept:
            record(mutant, outcome.run_folder)
            self.kept.add((mutant.name, mutant.load))

    def _catch(self, mutant: Mutant) -> Outcome:
        outcome = self._measure(mutant, 1)
        while mutant.caught_by and not outcome.is_caught and outcome.tries < TRIES:
            outcome = self._measure(mutant, outcome.tries + 1)
        return outcome

    def _measure(self, mutant: Mutant, tries: int) -> Outcome:
        project = build(mutant, self.folder / f"{mutant.name}-{mutant.load}-{tries}")
        begun_s = time.monotonic()
        words: list[Any] = ["run", LOADS / f"{mutant.load}.toml"]
        words += ["--strict", "--approach", mutant.approach, "--out", project / "campaign"]
        words += ["--seed", tries] if tries > 1 else []
        done = run_to_its_end(
            [HARNESS, *map(str, words)],
            RUN_LIMIT_S,
            cwd=project,
            env={**os.environ, "TMPDIR": str(self.folder), "COLUMNS": "200"},
            stderr=subprocess.STDOUT,
        )
        seconds = time.monotonic() - begun_s
        return Outcome(mutant, project, done.returncode, done.stdout, seconds, tries)


@contextmanager
def contract_shop(project: Path, approach: str) -> Iterator[tuple[Deployment, Shop]]:
    """Bring a mutant up as the contract tests do."""
    topology = small_and_fast(
        load_topology(
            project / f"docker-compose.{approach}.yml",
            {"GATEWAY_SEED": SEED, "HARNESS_PORT": "0"},
        )
    )
    deployment = LocalRuntime().up(topology)
    try:
        with (
            httpx.Client(base_url=deployment.address, timeout=30) as http,
            httpx.Client(base_url=deployment.urls(topology.gateway)[0]) as gateway,
        ):
            words = topology.approach, topology.acknowledges
            yield deployment, Shop(*words, http, gateway, deployment.dsn(), counters=[])
    finally:
        deployment.down()
