"""Domains, address literals and strings, to the letter."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.protocol.grammar import is_domain, is_literal, is_string


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("x.test", True),
        ("xn--bcher-kva.test", True),
        ("bücher.test", True),
        ("1.2", True),
        ("b" * 63 + ".test", True),
        ("b" * 64 + ".test", False),
        ("ü" * 32 + ".test", False),
        (".".join(["b" * 49] * 5) + ".test", True),  # 254 octets
        (".".join(["b" * 49] * 5) + ".tests1", False),
        ("", False),
        ("x..test", False),
        ("-x.test", False),
        ("x_y.test", False),
        ("x.test\n", False),
    ],
)
def test_a_domain_is_labels_that_are_not_too_long(text: str, right: bool) -> None:
    """63 octets each, 255 in all (RFC 1035 section 2.3.4)."""
    assert is_domain(text) is right


@pytest.mark.parametrize(
    ("inner", "right"),
    [
        ("192.0.2.1", True),
        ("0.0.0.7", True),
        ("255.255.255.255", True),
        ("192.0.2.256", False),
        ("192.0.2", False),
        ("1921.0.2.1", False),
        ("\u0661.0.2.1", False),
        ("IPv6:2001:db8:0:0:0:0:0:1", True),
        ("ipv6:2001:DB8::1", True),
        ("IPv6:::", True),
        ("IPv6:1::", True),
        ("IPv6:1:2:3:4:5:6::", True),
        ("IPv6:1:2:3:4:5:6:7::", False),
        ("IPv6:1:2:3:4:5:6:7", False),
        ("IPv6:1::2::3", False),
        ("IPv6:1:::2", False),
        ("IPv6:12345::", False),
        ("IPv6:g::", False),
        ("IPv6:", False),
        ("IPv6:fe80::1%eth0", False),
        ("IPv6:1:2:3:4:5:6:192.0.2.1", True),
        ("IPv6:::192.0.2.1", True),
        ("IPv6:::ffff:192.0.2.1", True),
        ("IPv6:1::192.0.2.1", True),
        ("IPv6:1:2:3:4::192.0.2.1", True),
        ("IPv6:1:2:3:4:5::192.0.2.1", False),
        ("IPv6:::192.0.2.256", False),
        ("IPv6:192.0.2.1", False),
        ("IPv6::192.0.2.1", False),
        ("X-tag:anything", False),
        ("", False),
    ],
)
def test_a_literal_is_an_address_that_there_may_be(inner: str, right: bool) -> None:
    """RFC 5321 section 4.1.3; `::` stands for two groups at least, and no other tag is registered."""
    assert is_literal(f"[{inner}]") is right
    assert not is_literal(f"[{inner}")
    assert not is_literal(f"{inner}]")


@given(st.ip_addresses())
def test_every_address_is_a_literal(address: IPv4Address | IPv6Address) -> None:
    """As Python writes it: in full, or, where its `::` is one of RFC 5321, short."""
    assert is_literal(f"[{address}]" if address.version == 4 else f"[IPv6:{address.exploded}]")
    assert address.version == 4 or is_literal(f"[IPv6:{address.compressed}]")


@given(st.text(alphabet="0123456789abcdef:.", max_size=30))
def test_what_is_a_literal_is_an_address(text: str) -> None:
    """Nothing gets through that Python knows as none, apart from zeros in front of the numbers of an IPv4 address."""
    if is_literal(f"[IPv6:{text}]"):
        numbers = text.rpartition(":")[2]
        plain = ".".join(str(int(number)) for number in numbers.split(".")) if "." in numbers else numbers

        assert IPv6Address(text.removesuffix(numbers) + plain)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("ann", True),
        ('"ann b"', True),
        (r'"a\"b"', True),
        ("ann b", False),
        ('"ann', False),
        ("", False),
        ("<a>", False),
    ],
)
def test_a_string_is_an_atom_or_quoted(text: str, right: bool) -> None:
    """What VRFY, EXPN, HELP and NOOP take."""
    assert is_string(text) is right
