"""A page on the loopback on which a campaign is watched while it runs.

The board keeps what the campaign reports, the server sends it to every open page as it comes.
Nothing here can slow a campaign down but by the CPU that it uses: nobody is ever waited for.
"""

from harness.live.board import Board
from harness.live.server import serving

__all__ = ["Board", "serving"]
