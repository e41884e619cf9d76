"""The kinds of faults that mean more than their name: what each does to those who wait for it."""

from typing import Final

PAUSE: Final = "pause"
WIPE: Final = "wipe"
RESTORE_OLD: Final = "restore_old"
"""A store is killed, and put back from a copy of what it held some time before."""
DRAIN: Final = "drain"
"""A replica is asked to stop, and ends when it has answered all that it was asked."""
CUT: Final = "cut"
"""A replica is off its network, while its processes run on."""
FREEZE: Final = "freeze"
"""Connections to a store stop without being closed; their transactions may hold locks on."""
DELETE_ACCOUNT: Final = "delete_account"
"""Accounts of the fault's own are deleted; nothing that anybody else uses is broken."""
HOLDS_UP: Final = (PAUSE, CUT, FREEZE)
"""Faults that stop somebody in the middle of something, and later let it go on."""
LOSES_ANSWERS: Final = ("kill", "stop", "restart", WIPE, RESTORE_OLD, CUT)
"""Faults after which whoever asked for something may get no answer; a drain is none of them."""
