"""A listening socket, from its bind to its end, which resets no connection.

Closing a listening socket resets the connections that the kernel has completed and nobody has
accepted yet, and a request that was reset may have arrived, so that a proxy must not send it again.
The end therefore has three steps. `refuse_new`: the kernel drops the first packet of every new
connection, for all processes that share the socket; `has_waiting`: what was completed before is
accepted and served; then the socket is closed. A client whose first packet was dropped sends it
again a second later, and is refused (connect(2): ECONNREFUSED) before it has sent any request.
"""

import contextlib
import ctypes
import resource
import select
import socket
import struct
import sys

from approaches.shop.settings import split_bind

BACKLOG = 2048

_SO_ATTACH_FILTER = 26  # Linux, asm-generic/socket.h
# Classic BPF (kernel.org/doc/html/latest/networking/filter.html) as (code, jump if true, jump if
# false, constant). A filter of a TCP socket sees the TCP header; its flags are byte 13.
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # then drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # or else pass it whole
)


def bind_socket(bind: str) -> socket.socket:
    """Return a listening socket for "host:port"."""
    host, port = split_bind(bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    return listener


def allow_open_files() -> None:
    """Raise the soft limit of open files to the hard one: a connection is a file.

    The soft limit is 1,024 on many systems, for the sake of programs that call select(2).
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS names a limit that it refuses
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def refuse_new(listener: socket.socket) -> None:
    """Let no new connection be completed on this socket, in whichever process it is open.

    Only Linux can; elsewhere a connection may still be reset when the socket is closed.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in _DROP_SYN))
    filters = struct.pack("HL", len(_DROP_SYN), ctypes.addressof(program))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filters)


def has_waiting(listener: socket.socket) -> bool:
    """Return True if a connection waits to be accepted."""
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    return bool(waiting.poll(0))
