"""Free ports and waiting for one to answer."""

from __future__ import annotations

import contextlib
import errno
import socket
import time

from domain.errors import BadInput, NotReady


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Claims:
    """Ports that this process means to have: between looking for a free one and listening on it another demo would take the same. Held until `close`, or the process's end."""

    def __init__(self) -> None:
        self._marks: list[socket.socket] = []

    def take(self, port: int) -> bool:
        """Whether it is free, and no other process claims it."""
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0oshwatch-port-{port}")  # a name without a file: it goes with the process
        except OSError:
            mark.close()
            return False
        self._marks.append(mark)
        return is_free(port)

    def any(self) -> int:
        """A port that nobody listens on or claims."""
        while not self.take(port := free_port()):
            pass
        return port

    def close(self) -> None:
        for mark in self._marks:
            mark.close()


def check_listen(host: str, port: int) -> None:
    """Raises `BadInput`, naming the setting and what to do, where the console could not listen there now."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise BadInput(f"{host}: {error.strerror}", field="OSHWATCH_LISTEN", remedy=_HERE) from None
    for family, _, _, _, address in places:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind(address)
            except OSError as error:
                message, remedy = _WHY_NOT.get(error.errno or 0, (f"{error.strerror}", _HERE))
                raise BadInput(f"{host}:{port}: {message}", field="OSHWATCH_LISTEN", remedy=remedy) from None


_HERE = "an address of this machine and a free port, for example 127.0.0.1:8080"
_WHY_NOT = {
    errno.EADDRINUSE: ("something else listens there", "`ss -ltnp` shows what; end it, or name another port"),
    errno.EADDRNOTAVAIL: ("no address of this machine", _HERE),
    errno.EACCES: ("this user may not listen there", "a port from 1024 on, or the capability CAP_NET_BIND_SERVICE"),
}


def wait_for_port(host: str, port: int, seconds: float) -> None:
    """Returns when something accepts connections there; raises `NotReady` after a while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=0.5):
            return
        time.sleep(0.05)
    raise NotReady(f"nothing listens on {host}:{port} after {seconds:.0f} s")
