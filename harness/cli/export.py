"""`harness export`: an approach in the form of another tool."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.application import app, console
from harness.cli.help_pages import OPERATE, examples
from harness.cli.options import (
    ScaleOption,
    SettingsOption,
    complete_approach,
    read_scales,
    read_settings,
)


@app.command(
    rich_help_panel=OPERATE,
    epilog=examples("harness export kubernetes queue --out manifests"),
)
def export(
    form: Annotated[Literal["kubernetes"], typer.Argument(help="What to write.")],
    approach: Annotated[
        str, typer.Argument(help="The approach to write.", autocompletion=complete_approach)
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to: a new or empty folder.")],
    namespace: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where it will run. [the approach's name]")
    ] = None,
    scale: ScaleOption = None,
    settings: SettingsOption = None,
) -> None:
    """Write an approach as manifests for Kubernetes, and say what of it they cannot."""
    from harness import kubernetes
    from harness.project import project_root
    from harness.topology import find_approach

    scales, changes = read_scales(scale), read_settings(settings)
    topology = find_approach(project_root(), approach).with_scale(scales).with_settings(changes)
    written = kubernetes.export(topology, namespace)
    kubernetes.write(written, out)
    for loss in written.losses:
        typer.echo(f"warning: {loss}", err=True)
    console.print(
        f"{len(written.files)} files in {out}; {out / 'README.md'} says how to apply them",
        markup=False,
    )
