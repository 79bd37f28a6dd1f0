from __future__ import annotations

import pytest

from maildrill.sender.capabilities import NOTHING, Capabilities
from maildrill.smtp import Reply


def test_keywords_are_read_in_any_case_with_their_parameters() -> None:
    """The first line is the server's name, even if it looks like a keyword (RFC 5321 section 4.1.1.1)."""
    found = Capabilities.of(Reply(250, ("pipelining", "size 1000", "8BitMime", "AUTH PLAIN LOGIN", "", "SMTPUTF8")))

    assert found.names == {"SIZE", "8BITMIME", "AUTH", "SMTPUTF8"}
    assert found.keywords["AUTH"] == "PLAIN LOGIN"
    assert (found.pipelining, found.eightbit, found.smtputf8, found.size) == (False, True, True, 1000)


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("SIZE 10", 10),
        ("SIZE", 0),
        ("SIZE 0", 0),
        ("SIZE many", 0),
        ("SIZE ²", 0),
        (f"SIZE {'9' * 5000}", 0),
        ("HELP", None),
    ],
)
def test_a_size_is_a_limit_only_if_it_is_a_number(line: str, size: int | None) -> None:
    """0 and nothing mean that no limit is told (RFC 1870 section 3)."""
    assert Capabilities.of(Reply(250, ("mx", line))).size == size


def test_reports_can_be_asked_for_where_dsn_is_offered() -> None:
    """RFC 3461 section 3."""
    assert Capabilities.of(Reply(250, ("mx", "DSN"))).dsn
    assert not NOTHING.dsn


def test_messages_go_by_bdat_where_chunking_is_offered() -> None:
    """RFC 3030 section 2."""
    assert Capabilities.of(Reply(250, ("mx", "CHUNKING"))).chunking
    assert not NOTHING.chunking


def test_after_helo_nothing_is_known() -> None:
    """No extension is used that was not offered."""
    assert (NOTHING.pipelining, NOTHING.eightbit, NOTHING.smtputf8, NOTHING.size) == (False, False, False, None)


def test_pipelining_is_used_where_it_is_offered() -> None:
    """RFC 2920."""
    assert Capabilities.of(Reply(250, ("mx", "PIPELINING"))).pipelining
