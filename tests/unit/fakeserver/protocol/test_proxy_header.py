"""The header of the PROXY protocol, in both versions, however it comes in pieces."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maildrill.fakeserver.protocol.proxy_header import MAX_HEADER, Endpoint, ProxyHeader, ProxyParser, _crc32c

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FOUR = ProxyHeader(("192.0.2.7", 40000), ("198.51.100.1", 25))
SIX = ProxyHeader(("2001:db8::7", 40000), ("2001:db8::1", 25))
UNIX = ProxyHeader("/run/client", "/run/server")


def read(octets: bytes) -> ProxyHeader | str | None:
    """Return the header, the fault, or None where more must come."""
    parser = ProxyParser()
    return parser.feed(octets) or parser.fault or None


def binary(header: ProxyHeader, options: bytes = b"", *, command: int = 0x21, kind: int | None = None) -> bytes:
    """Return a header of version 2."""
    family, addresses = _addresses(header.client, header.server)
    body = addresses + options
    return SIGNATURE + struct.pack("!BBH", command, family if kind is None else kind, len(body)) + body


def _addresses(client: Endpoint, server: Endpoint) -> tuple[int, bytes]:
    if isinstance(client, str) and isinstance(server, str):
        return 0x31, client.encode().ljust(108, b"\0") + server.encode().ljust(108, b"\0")
    if isinstance(client, tuple) and isinstance(server, tuple):
        one, two = ip_address(client[0]), ip_address(server[0])
        ports = struct.pack("!HH", client[1], server[1])
        return 0x11 if one.version == 4 else 0x21, one.packed + two.packed + ports
    return 0x00, b""


def option(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n", FOUR),
        (b"PROXY TCP6 2001:DB8::7 2001:db8:0::1 40000 25\r\n", SIX),
        (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", None),
        (b"PROXY UNKNOWN\r\n", ProxyHeader()),
        (b"PROXY UNKNOWN ffff::1 whatever \xff\r\n", ProxyHeader()),
    ],
)
def test_a_line_says_who_called_whom(line: bytes, header: ProxyHeader | None) -> None:
    """Version 1 (section 2.1)."""
    found = read(line)

    assert isinstance(found, ProxyHeader)
    assert header is None or found == header


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY \r\n",
        b"PROXY TCP4\r\n",
        b"PROXY TCP5 192.0.2.7 198.51.100.1 1 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
        b"PROXY TCP4 192.0.2.7  198.51.100.1 1 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 25 \r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 1 25\r\n",
        b"PROXY TCP6 192.0.2.7 198.51.100.1 1 25\r\n",
        b"PROXY TCP4 192.0.2.777 198.51.100.1 1 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 01 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 25\n\r\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY UNKNOWN" + b" " * 100,
        b"PROXY TCP4 " + b"1" * 100,
        b"proxy TCP4 192.0.2.7 198.51.100.1 1 25\r\n",
        b"EHLO x.test\r\n",
        b"\x00",
    ],
)
def test_what_is_no_such_line_is_a_fault(line: bytes) -> None:
    """It says what was read, and nothing is read behind it."""
    parser = ProxyParser()

    assert parser.feed(line) is None
    assert parser.fault
    assert parser.feed(b"PROXY UNKNOWN\r\n") is None
    assert parser.rest == b""


@pytest.mark.parametrize("header", [FOUR, SIX, UNIX, ProxyHeader()])
def test_octets_say_who_called_whom(header: ProxyHeader) -> None:
    """Version 2 (section 2.2), with options that are skipped."""
    options = option(0x04, b"no-op") + option(0x20, b"\x01\0\0\0\0") + option(0xE0, b"")

    assert read(binary(header)) == header
    assert read(binary(header, options)) == header


def test_datagrams_have_addresses_too() -> None:
    """Nobody speaks SMTP over UDP; a proxy may say so all the same."""
    assert read(binary(FOUR, kind=0x12)) == FOUR


@pytest.mark.parametrize("octets", [binary(FOUR, command=0x20), binary(FOUR, kind=0x10), binary(ProxyHeader())])
def test_a_proxy_that_calls_for_itself_does_not_say_who(octets: bytes) -> None:
    """LOCAL, or an unspecified protocol; what else is there is skipped (section 2.2)."""
    assert read(octets) == ProxyHeader()


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        (binary(FOUR, command=0x11), "unknown PROXY version, command or family: 0x11 0x11"),
        (binary(FOUR, command=0x22), "unknown PROXY version, command or family: 0x22 0x11"),
        (binary(FOUR, kind=0x41), "unknown PROXY version, command or family: 0x21 0x41"),
        (binary(FOUR, kind=0x13), "unknown PROXY version, command or family: 0x21 0x13"),
        (binary(FOUR, kind=0x21), "PROXY header ends within an address"),
        (binary(FOUR, b"\x04"), "PROXY header ends within an option"),
        (binary(FOUR, b"\x04\x00\x02a"), "PROXY header ends within an option"),
        (binary(FOUR, option(0x03, b"\0\0\0\0")), "PROXY header with a wrong checksum"),
        (binary(FOUR, option(0x03, b"\0")), "PROXY header with a wrong checksum"),
        (binary(FOUR, bytes(5000)), "PROXY header of 5028 octets; 4096 are read"),
        (SIGNATURE[:-1] + b"\r", r"no PROXY header: '\\r\\n\\r\\n\\x00\\r\\nQUIT\\r'"),
    ],
)
def test_what_is_no_such_header_is_a_fault(octets: bytes, fault: str) -> None:
    """And said in words."""
    assert read(octets) == fault


def test_a_checksum_that_is_right_is_right() -> None:
    """CRC32c over the header with zeros in its place: that of "123456789" is E3069283 wherever it is defined."""
    summed = _crc32c(binary(FOUR, option(0x04, b"") + option(0x03, bytes(4))))
    right = option(0x03, struct.pack("!I", summed))

    assert _crc32c(b"123456789") == 0xE3069283
    assert read(binary(FOUR, option(0x04, b"") + right)) == FOUR
    assert read(binary(FOUR, option(0x05, b"") + right)) == "PROXY header with a wrong checksum"
    assert read(binary(FOUR, right + right)) == "PROXY header with a wrong checksum"


def test_a_header_never_grows_for_ever() -> None:
    """What is held is bounded, and what is too much in one piece is not lost behind a header."""
    parser = ProxyParser()
    header = parser.feed(b"PROXY UNKNOWN\r\n" + b"x" * 100_000)

    assert (header, parser.rest) == (ProxyHeader(), b"x" * 100_000)


PORTS = st.integers(0, 65535)


@st.composite
def headers(draw: st.DrawFn) -> ProxyHeader:
    """Any header of either family."""
    addresses = draw(st.sampled_from((st.ip_addresses(v=4), st.ip_addresses(v=6))))
    client, server = draw(addresses), draw(addresses)
    return ProxyHeader((str(client), draw(PORTS)), (str(server), draw(PORTS)))


def line(header: ProxyHeader) -> bytes:
    """Return a header of version 1."""
    assert isinstance(header.client, tuple)
    assert isinstance(header.server, tuple)
    kind = "TCP6" if ":" in header.client[0] else "TCP4"
    return f"PROXY {kind} {header.client[0]} {header.server[0]} {header.client[1]} {header.server[1]}\r\n".encode()


@given(headers(), st.booleans(), st.binary(max_size=40), st.lists(st.integers(0, 200), max_size=5))
def test_a_header_is_read_however_it_comes_in_pieces(
    header: ProxyHeader, old: bool, rest: bytes, cuts: list[int]
) -> None:
    """And what came behind it is kept, to the octet."""
    octets = (line(header) if old else binary(header)) + rest
    places = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    parser = ProxyParser()
    found, end = None, 0
    for start, end in pairwise(places):
        found = parser.feed(octets[start:end])
        if found is not None:
            break

    assert found == header
    assert parser.rest + octets[end:] == rest


@given(st.lists(st.binary(max_size=200), max_size=60), st.sampled_from((b"", b"PROXY ", SIGNATURE + b"\x21\x11")))
@example([b"\xff\xff", b"x" * MAX_HEADER], SIGNATURE + b"\x21\x11")
def test_no_octets_raise_and_none_are_held_without_bound(pieces: list[bytes], start: bytes) -> None:
    """Whatever comes: more, a header or a fault."""
    parser = ProxyParser()
    for piece in (start, *pieces):
        if parser.feed(piece) is not None:
            break

        assert len(parser._octets) <= MAX_HEADER


def test_addresses_are_written_as_python_writes_them() -> None:
    """So that a pattern finds them in one form."""
    found = read(b"PROXY TCP6 2001:0DB8:0:0:0:0:0:7 ::FFFF:192.0.2.1 1 2\r\n")

    assert isinstance(found, ProxyHeader)
    assert found.client == (str(IPv6Address("2001:db8::7")), 1)
    assert IPv4Address("192.0.2.1") == IPv6Address(found.server[0]).ipv4_mapped  # type: ignore[index]
