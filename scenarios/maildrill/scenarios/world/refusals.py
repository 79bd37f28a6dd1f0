"""What the virtual loop refuses, and what to do instead: one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NoReturn

from maildrill.scenarios.world.trouble import Refused

_THREAD: Final = (
    "threads",
    "do it before the world starts, or pass what spares it: local_hostname= and tls_context=, or hostname= to a server",
)
_NAMES: Final = ("name resolution", "hosts are names here: connect to them, and pass hostname= and local_hostname=")
_SOCKET: Final = ("sockets", "use create_connection(factory, host, port) and create_server(factory, host, port)")
_DESCRIPTOR: Final = ("file descriptors", "only the in-memory network can be read and written")
_PROCESS: Final = ("processes", "start it outside the world and talk to it over TCP, in real time")
_SIGNAL: Final = ("signals of its own", "handle them outside; run_world passes Ctrl-C on as a cancellation")

REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "run_in_executor": _THREAD,
    "set_default_executor": _THREAD,
    "getaddrinfo": _NAMES,
    "getnameinfo": _NAMES,
    "sock_accept": _SOCKET,
    "sock_connect": _SOCKET,
    "sock_recv": _SOCKET,
    "sock_recv_into": _SOCKET,
    "sock_recvfrom": _SOCKET,
    "sock_recvfrom_into": _SOCKET,
    "sock_sendall": _SOCKET,
    "sock_sendfile": _SOCKET,
    "sock_sendto": _SOCKET,
    "connect_accepted_socket": _SOCKET,
    "create_datagram_endpoint": _SOCKET,
    "create_unix_connection": _SOCKET,
    "create_unix_server": _SOCKET,
    "sendfile": _SOCKET,
    "add_reader": _DESCRIPTOR,
    "remove_reader": _DESCRIPTOR,
    "add_writer": _DESCRIPTOR,
    "remove_writer": _DESCRIPTOR,
    "connect_read_pipe": _DESCRIPTOR,
    "connect_write_pipe": _DESCRIPTOR,
    "subprocess_exec": _PROCESS,
    "subprocess_shell": _PROCESS,
    "add_signal_handler": _SIGNAL,
    "remove_signal_handler": _SIGNAL,
}


def refusal(name: str, reason: tuple[str, str]) -> Callable[..., NoReturn]:
    """Return a method that raises Refused and says which call of the loop, with what, was refused."""
    what, hint = reason

    def refuse(_loop: object, *args: object, **_options: object) -> NoReturn:
        given = ", ".join(_shown(argument) for argument in args)
        raise Refused(f"the virtual world has no {what}: loop.{name}({given})", hint=hint)

    refuse.__name__ = name
    refuse.__doc__ = f"Refuse: the virtual world has no {what}."
    return refuse


def _shown(argument: object) -> str:
    if isinstance(argument, partial):  # asyncio.to_thread wraps the function twice
        return ", ".join(_shown(part) for part in argument.args or (argument.func,))
    return getattr(argument, "__qualname__", None) or repr(argument)
