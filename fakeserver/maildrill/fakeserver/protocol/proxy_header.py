"""Read the header that a proxy sends in front of a session, to say whose it is (the PROXY protocol, versions 1 and 2).

Rule: feed it what was read; it gives the header once that is whole, and never holds more than MAX_HEADER. Pure.
Source: The PROXY protocol, 2020/03/05 (haproxy.org); sections are of that document.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from maildrill.smtp import decode, escape

#: An IP address and a port, the path of a Unix socket, or None where the proxy does not say.
Endpoint = tuple[str, int] | str | None

_LINE = b"PROXY "
_MAX_LINE = 107  # octets, CRLF included: section 2.1
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = len(_SIGNATURE) + 4
#: Octets of a header that is read: beyond addresses there may be a client's certificate. The format allows 65,551.
MAX_HEADER = 4096

_KNOWN = re.compile(r"PROXY (TCP4|TCP6) ([0-9.]+|[0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (\d{1,5}) (\d{1,5})\r\n", re.ASCII)
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")
_IP = {"TCP4": IPv4Address, "TCP6": IPv6Address}
#: Of each family the octets of an address (section 2.2); 0 is "unspecified".
_WIDTH = {0: 0, 1: 4, 2: 16, 3: 108}
_CRC32C = 0x03
_POLYNOMIAL = 0x82F63B78  # of CRC32c, bits reversed


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """Whose session it is (`client`), and which address the client called (`server`)."""

    client: Endpoint = None
    server: Endpoint = None


class ProxyParser:
    """Octets in, a header out.

    rest: what came behind the header. fault: why this is none, or empty; from then on nothing is read.
    """

    def __init__(self) -> None:
        self.rest = b""
        self.fault = ""
        self._octets = b""

    def feed(self, octets: bytes) -> ProxyHeader | None:
        """Return the header if it is whole now; None where more must come, or where there is a fault."""
        if self.fault:
            return None
        self._octets += octets[: MAX_HEADER + 1]
        try:
            found = self._read()
        except ValueError as error:
            self.fault, self._octets = str(error), b""
            return None
        if found is None:
            return None
        header, length = found
        self.rest = self._octets[length:] + octets[MAX_HEADER + 1 :]
        self._octets = b""
        return header

    def _read(self) -> tuple[ProxyHeader, int] | None:
        octets = self._octets
        if octets.startswith(_LINE):
            end = octets.find(b"\r\n", 0, _MAX_LINE)
            if end < 0 and len(octets) >= _MAX_LINE:
                raise ValueError(f"PROXY line of more than {_MAX_LINE} octets")
            return (_read_line(octets[: end + 2]), end + 2) if end >= 0 else None
        if octets.startswith(_SIGNATURE):
            return _read_binary(octets) if len(octets) >= _FIXED else None
        if _LINE.startswith(octets) or _SIGNATURE.startswith(octets):
            return None
        raise ValueError(f"no PROXY header: {escape(decode(octets[:32]))!r}")


def _read_line(line: bytes) -> ProxyHeader:
    """Read version 1 (section 2.1)."""
    if _UNKNOWN.fullmatch(line):
        return ProxyHeader()
    match = _KNOWN.fullmatch(decode(line))
    if match is None:
        raise ValueError(f"malformed PROXY line: {escape(decode(line))!r}")
    kind = _IP[match[1]]
    client, server, *ports = match.groups()[1:]
    first, second = (_port(text) for text in ports)
    return ProxyHeader((str(kind(client)), first), (str(kind(server)), second))


def _port(text: str) -> int:
    if int(text) > 65535 or str(int(text)) != text:
        raise ValueError(f"no port: {text}")
    return int(text)


def _read_binary(octets: bytes) -> tuple[ProxyHeader, int] | None:
    """Read version 2 (section 2.2), as far as it has come."""
    version, kind, length = struct.unpack_from("!BBH", octets, len(_SIGNATURE))
    family, transport = divmod(kind, 16)
    if version not in (0x20, 0x21) or family not in _WIDTH or transport > 2:
        raise ValueError(f"unknown PROXY version, command or family: {version:#04x} {kind:#04x}")
    end = _FIXED + length
    if end > MAX_HEADER:
        raise ValueError(f"PROXY header of {end} octets; {MAX_HEADER} are read")
    if len(octets) < end:
        return None
    whole = octets[:end]
    if version == 0x20:  # LOCAL: the proxy itself has called, whatever the rest says
        return ProxyHeader(), end
    width = _WIDTH[family] if transport else 0
    addresses, options = _FIXED, _FIXED + 2 * width + (4 if width in (4, 16) else 0)
    if options > end:
        raise ValueError("PROXY header ends within an address")
    _check(whole, options if width else end)
    one, two = (whole[at : at + width] for at in (addresses, addresses + width))
    if not width:
        return ProxyHeader(), end
    if family == 3:
        return ProxyHeader(_path(one), _path(two)), end
    first, second = struct.unpack_from("!HH", whole, addresses + 2 * width)
    address = IPv4Address if family == 1 else IPv6Address
    return ProxyHeader((str(address(one)), first), (str(address(two)), second)), end


def _path(octets: bytes) -> str:
    return decode(octets.rstrip(b"\0"))


def _check(whole: bytes, at: int) -> None:
    """Skip over the options from `at` on; what a checksum says must be so (section 2.2.3)."""
    sums: list[slice] = []
    while at < len(whole):
        kind, length = struct.unpack_from("!BH", whole.ljust(at + 3, b"\xff"), at)
        at += 3 + length
        if at > len(whole):
            raise ValueError("PROXY header ends within an option")
        if kind == _CRC32C:
            sums.append(slice(at - length, at))
    for place in sums[:1]:  # one is all that a header may have
        blank = whole[: place.start] + bytes(place.stop - place.start) + whole[place.stop :]
        if len(sums) > 1 or whole[place] != struct.pack("!I", _crc32c(blank)):
            raise ValueError("PROXY header with a wrong checksum")


def _crc32c(octets: bytes) -> int:
    remainder = 0xFFFFFFFF
    for octet in octets:
        remainder ^= octet
        for _ in range(8):
            remainder = remainder >> 1 ^ (_POLYNOMIAL if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF
