"""`harness selftest`: can this machine, and this harness, distinguish a difference from none?"""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from harness.cli.application import app, console, print_table
from harness.cli.help_pages import MEASURE, examples
from harness.cli.options import (
    Detail,
    OutOption,
    QuietOption,
    VerboseOption,
    complete_approach,
    complete_scenario,
    read_detail,
)
from harness.cli.stored_campaigns import new_folder
from harness.errors import ExitCode, Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.selftest.generator_limits import Limits
    from harness.selftest.selftest_judgement import Delay, Judgement, Row
    from harness.selftest.selftest_run import SelfTest


@app.command(
    rich_help_panel=MEASURE, epilog=examples("harness selftest", "harness selftest sync --quiet")
)
def selftest(
    approach: Annotated[
        str | None,
        typer.Argument(
            help="The approach to copy; by default the first.", autocompletion=complete_approach
        ),
    ] = None,
    scenario: Annotated[
        str,
        typer.Option(help="Name in scenarios/, or a TOML file.", autocompletion=complete_scenario),
    ] = "selftest",
    out: OutOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> ExitCode:
    """Measure one approach against itself, against a slower copy of it, and the generator."""
    from harness.project import project_root
    from harness.runtimes import measuring
    from harness.scenario.model import load_scenario
    from harness.topology import by_default, discover, find_approach

    detail = read_detail(quiet=quiet, verbose=verbose)
    root = project_root()
    loaded = load_scenario(scenario, root)
    found = find_approach(root, approach or by_default(discover(root))[0])
    folder = out or new_folder("selftest")

    from harness.selftest.selftest_run import SelfTest

    test = SelfTest(found, loaded, scenario, folder)
    test.check()
    with measuring(f"self-test {folder}"):
        try:
            limits, judgement = _measure(test, detail)
        except KeyboardInterrupt as error:
            raise Interrupted(
                f"interrupted; everything is down, and what was finished is in {folder}",
                "a self-test cannot be continued: begin again",
            ) from error
    _print(limits, judgement)
    _publish(test, limits, judgement)
    return judgement.exit_code


def _measure(test: "SelfTest", detail: Detail) -> "tuple[Limits, Judgement]":
    from harness.campaign import CompositeObserver
    from harness.cli.progress import progress_shown
    from harness.runtimes import runtime_named
    from harness.selftest.selftest_run import compare_variants, measure_generator

    def say(words: str) -> None:
        if detail is not Detail.RESULT:
            console.print(f"generator: {words}")

    limits = measure_generator(say)
    with progress_shown(console, detail) as terminal:
        observer = CompositeObserver(terminal)
        return limits, compare_variants(test, runtime_named("local"), observer)


def _publish(test: "SelfTest", limits: "Limits", judgement: "Judgement") -> None:
    from harness.cli.outcome import print_complaints
    from harness.results.store import Campaign
    from harness.selftest.selftest_run import write

    stored = Campaign.open(test.out / "campaign")
    print_complaints(console, stored)
    console.print(f"results: {write(test, limits, judgement)}")
    console.print(f"for the report: harness report {stored.path}")


def _print(limits: "Limits", judgement: "Judgement") -> None:
    console.print("The load generator, one process:")
    print_table(_generator(limits))
    console.print("The same twice: there must be no difference.")
    print_table(_rows(judgement.same))
    console.print("One of them slowed: that must be found.")
    print_table(_rows(judgement.control))
    if judgement.delay is not None:
        console.print(_delay_sentence(judgement.delay))
    console.print(f"{judgement.exit_code.name}: {judgement.statement}")


def _generator(limits: "Limits") -> Table:
    floor, closed, opened = limits.floor, limits.closed, limits.open
    table = Table(box=None, show_header=False)
    table.add_row(
        f"latency floor at {floor.requests_per_s:.0f} req/s",
        f"p50 {floor.p50_ms:.2f} ms, p95 {floor.p95_ms:.2f} ms, p99 {floor.p99_ms:.2f} ms "
        f"(of {floor.requests:,}); requests are sent late by {floor.late_p99_ms:.2f} ms (p99)",
    )
    table.add_row(
        f"closed ceiling, {closed.users} users who do not think",
        f"{closed.requests_per_s:,.0f} req/s; it uses {closed.generator_cores:.2f} cores, "
        f"the null shop {closed.shop_cores:.2f}",
    )
    best = f"{opened.per_s:,} arrivals/s" if opened.per_s else "none that was tried"
    slowest = opened.too_fast
    why = "none was too fast" if slowest is None else f"{slowest.per_s:,}: {slowest.broken[0]}"
    table.add_row("open ceiling", f"{best}; {why}")
    return table


def _rows(rows: "Sequence[Row]") -> Table:
    from harness.analysis import METRICS
    from report import numbers

    table = Table(box=None)
    table.add_column("metric")
    titles = (rows[0].baseline, rows[0].contender, "ratio [95 % interval]", "n", "detectable")
    for title in titles:
        table.add_column(title, justify="right")
    table.add_column("found")
    for row in rows:
        metric = METRICS[row.metric]
        values = [
            numbers.quantity(value, metric.digits + 1, metric.unit)
            for value in (row.before, row.after)
        ]
        effect, least = _effect(row), numbers.number(row.detectable, 2)
        table.add_row(metric.title, *values, effect, str(row.n), least, str(row.outcome))
    return table


def _effect(row: "Row") -> str:
    if row.effect is None:
        return "–"
    interval = "" if row.low is None else f" [{row.low:.3g}, {row.high:.3g}]"
    return f"{row.effect:.3g}{interval}" + (" (difference)" if row.kind == "difference" else "")


def _delay_sentence(delay: "Delay") -> str:
    met = "which contains" if delay.is_met else f"{delay.off_ms:+.1f} ms off"
    return (
        f"Measured delay of the mean purchase: {delay.measured_ms:.1f} ms "
        f"[{delay.low_ms:.1f}, {delay.high_ms:.1f}], {met} the {delay.injected_ms:g} ms injected."
    )
