"""Where something is delivered: `127.0.0.1:2526`, or `smtp://127.0.0.1:2526`.

Rule: on this machine, unless it is said that it may leave. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address

DESTINATION_WORDS = 'a host and a port such as "127.0.0.1:2526" or "smtp://[::1]:2526"'
_WRITTEN = re.compile(r"(?:smtp://)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9][A-Za-z0-9.\-]*)):([1-9]\d{0,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Destination:
    """A host and a port; `outside`: it may be another machine. Raises ValueError with what was expected."""

    text: str
    outside: bool = False
    host: str = field(init=False, compare=False, repr=False)
    port: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        match = _WRITTEN.fullmatch(self.text)
        if match is None or int(match[3]) > 65535:
            raise ValueError(DESTINATION_WORDS)
        host = match[1] or match[2]
        if not self.outside and not _here(host):
            raise ValueError("that is another machine; write also outside = true if it may leave this one")
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "port", int(match[3]))

    def __str__(self) -> str:
        return self.text


def _here(host: str) -> bool:
    if host.casefold() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
