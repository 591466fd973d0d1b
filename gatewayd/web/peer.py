"""Who is at the other end of a unix socket."""

import pwd
import socket
import struct

CREDENTIALS = struct.Struct("3i")
"""struct ucred, see unix(7): process, user, group."""


def user(peer: socket.socket) -> str:
    """The name of the process's user, else the number."""
    told = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    _, uid, _ = CREDENTIALS.unpack(told)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
