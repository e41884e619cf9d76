"""`harness --help` lists the commands by purpose; below each command's help stand examples."""

from typing import Any, Final

from typer.core import TyperGroup

MEASURE: Final = "Measure"
READ: Final = "Read results"
OPERATE: Final = "Operate"
CI: Final = "Continuous integration"

_AS_IT_IS = "\b\n"
"""Before a paragraph that is not to be wrapped again."""
_LONGEST = 10_000
"""Characters of a description, none of which is cut off."""


class CommandsByPurpose(TyperGroup):
    """The main command: it lists the others below their purposes, in the order of `list_commands`.

    A command's purpose is its `rich_help_panel`; its description is wrapped, never cut off.
    """

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each purpose."""
        commands = {name: self.commands[name] for name in self.list_commands(ctx)}
        width = max(map(len, commands))
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in commands.items():
            purpose = str(getattr(command, "rich_help_panel", "Commands"))
            words = command.get_short_help_str(_LONGEST)
            sections.setdefault(purpose, []).append((f"{name:{width}}", words))
        for purpose, rows in sections.items():
            with formatter.section(purpose):
                formatter.write_dl(rows)


def examples(*lines: str) -> str:
    """Return what stands below a command's help: lines to be typed, each as it is."""
    return _AS_IT_IS + "\n".join(("Examples:", *(f"  {line}" for line in lines)))
