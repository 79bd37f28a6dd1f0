"""The envelope."""

from __future__ import annotations

import pytest

from maildrill.smtp import Envelope, domain_of
from maildrill.smtp.envelope import MAX_PATH


def test_the_null_sender_is_a_reverse_path() -> None:
    """A bounce comes from nobody (RFC 5321 section 4.5.5)."""
    envelope = Envelope("", ("ann@example.com",))

    assert envelope.reverse_path == ""


@pytest.mark.parametrize("recipients", [(), ("",), ("ann@example.com", "")])
def test_a_message_is_for_somebody(recipients: tuple[str, ...]) -> None:
    """No recipient, or one without an address, is no envelope."""
    with pytest.raises(ValueError, match="recipient"):
        Envelope("news@example.com", recipients)


@pytest.mark.parametrize(
    "address", ["a b@example.com", "a@example.com>\r\nRSET", "<a@example.com>", "a\0@x", "a\x7f@x", "a\ud800@x", " "]
)
def test_no_address_can_break_out_of_its_line(address: str) -> None:
    """Neither as sender nor as recipient."""
    with pytest.raises(ValueError, match="blank, a bracket or a control character"):
        Envelope(address, ("ann@example.com",))
    with pytest.raises(ValueError, match="blank, a bracket or a control character"):
        Envelope("news@example.com", (address,))


def test_an_address_has_at_most_254_octets() -> None:
    """Octets count, not characters."""
    longest = "ü" * 126 + "@x"

    assert len(longest.encode()) == MAX_PATH
    assert Envelope(longest, (longest,)).recipients == (longest,)
    with pytest.raises(ValueError, match="longer than 254 octets"):
        Envelope("", (longest + "y",))


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("Ann@Example.COM", "example.com"),
        ('"a@b"@example.com', "example.com"),
        ("postmaster", ""),
        ("", ""),
        ("a@", ""),
    ],
)
def test_the_domain_is_what_follows_the_last_at(address: str, domain: str) -> None:
    """In lower case: domains know no other (RFC 5321 section 2.4)."""
    assert domain_of(address) == domain
