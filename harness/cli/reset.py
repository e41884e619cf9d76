"""`harness reset`: what is kept up, empty and seeded again."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.cli.application import app, console
from harness.cli.help_pages import OPERATE, examples
from harness.cli.kept_deployments import KeptArgument, kept_deployment
from harness.errors import ExitCode, InfrastructureError, UsageError

if TYPE_CHECKING:
    from harness.results.record import ResetProof


@app.command(rich_help_panel=OPERATE, epilog=examples("harness reset"))
def reset(approach: KeptArgument = None) -> ExitCode:
    """Empty and seed again what `harness up` keeps up, and print what was counted afterwards."""
    one = kept_deployment(approach)
    if one is None:
        what = f"{approach} is not up" if approach else "nothing is up"
        raise UsageError(what, f"bring it up: harness up {approach or 'APPROACH'}")

    from harness.campaign import reset_kept
    from harness.project import project_root

    proof = reset_kept(one, project_root())
    console.print(f"{one.approach} is empty and seeded again:")
    for line in _proved(proof):
        console.print(f"  {line}")
    if not proof.clean:
        raise InfrastructureError(
            f"{one.approach} did not stay as it was seeded", "reset it when nobody buys"
        )
    return ExitCode.OK


def _proved(proof: "ResetProof") -> Iterator[str]:
    """Yield what a reset counted, in lines."""
    yield "rows: " + ", ".join(f"{table} {count}" for table, count in (proof.rows or {}).items())
    for sale in proof.sales or ():
        counted = [f"ledger {sale.product.initial_stock}", f"shop {sale.stock_over_http}"]
        if sale.redis_stock is not None:
            counted.append(f"Redis {sale.redis_stock}")
        yield f"stock of product {sale.product_id}: {', '.join(counted)}"
