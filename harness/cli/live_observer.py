"""A page in the browser that shows a campaign while it runs, if it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.campaign import Observer
from harness.cli.application import console
from harness.errors import HarnessError
from harness.live import Board, serving


@contextmanager
def watching(folder: Path, port: int | None) -> Iterator[list[Observer]]:
    """Yield who else observes the campaign in `folder`; nobody, if there is no port for a page.

    The page is served to the end of the block, at any free port if it is 0, and its address is
    printed. Raises InfrastructureError if the port is taken.
    """
    if port is None:
        yield []
        return
    import report

    board = Board(folder)
    with serving(board, report.live_page(), port) as address:
        console.print(f"live page: {address}")
        try:
            yield [board]
        except BaseException as error:
            board.ends(_words(error), broken=True)
            raise
        page = folder.resolve() / "report" / "index.html"
        board.ends(f"Its report is at {page}", broken=False)


def _words(error: BaseException) -> str:
    return f"{error.message}; {error.hint}" if isinstance(error, HarnessError) else repr(error)
