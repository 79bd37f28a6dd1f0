"""smtp-sink refuses, says 421 or hangs up at each command: what becomes of everybody, and what it has in writing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

Start = Callable[..., Any]
GUESTS = ["ann@x.test", "bob@x.test", "eve@x.test"]


@dataclass(frozen=True, slots=True)
class Case:
    """One row. options: of smtp-sink. state, row: of everybody. dots: how many messages each has sent to the end."""

    options: str
    state: str
    row: str
    dots: int = 0

    def __str__(self) -> str:
        return self.options


#: -q hangs up, -Q says 421 and hangs up, -r refuses with 4yz, -f with 5yz. Everybody is tried once.
CASES = [
    Case("-q CONNECT", "held", "banner-lost"),
    Case("-Q CONNECT", "held", "banner-4yz"),
    Case("-r CONNECT", "held", "banner-4yz"),
    Case("-f CONNECT", "held", "banner-5yz"),
    Case("-q EHLO", "delivered", "dot-2yz", 1),  # by HELO, in a new session
    Case("-Q EHLO", "held", "ehlo-4yz"),
    Case("-r EHLO", "held", "ehlo-4yz"),
    Case("-f EHLO", "delivered", "dot-2yz", 1),  # by HELO
    Case("-q EHLO,HELO", "held", "helo-lost"),
    Case("-f EHLO,HELO", "held", "helo-refused"),
    Case("-q MAIL", "expired", "mail-lost"),
    Case("-Q MAIL", "held", "mail-421"),
    Case("-r MAIL", "expired", "mail-4yz"),
    Case("-f MAIL", "expired", "mail-out-of-step"),  # its 500 is no answer to MAIL
    Case("-q RCPT", "expired", "rcpt-lost"),
    Case("-Q RCPT", "held", "rcpt-421"),
    Case("-r RCPT", "expired", "rcpt-4yz"),
    Case("-f RCPT", "expired", "rcpt-out-of-step"),
    Case("-q DATA", "expired", "data-lost"),
    Case("-Q DATA", "held", "data-421"),
    Case("-r DATA", "expired", "data-4yz"),
    Case("-f DATA", "failed", "data-5yz"),
    Case("-A 0", "failed", "body-5yz"),  # 550 before the dot
    Case("-q .", "unknown", "dot-lost", 1),
    Case("-Q .", "expired", "dot-4yz", 1),
    Case("-r .", "expired", "dot-4yz", 1),
    Case("-f .", "failed", "dot-5yz", 1),
    Case("-q RSET,QUIT", "delivered", "dot-2yz", 1),
    Case("-Q RSET,QUIT", "delivered", "dot-2yz", 1),
    Case("-e", "delivered", "dot-2yz", 1),
    Case("-P", "delivered", "dot-2yz", 1),
]
#: What a refusal says decides, not that it is one: -B is what it says for good, -b for now.
WORDS = [
    (["-f", "RCPT", "-B", "550 5.1.1 no such user"], "failed", "rcpt-5yz"),
    (["-f", "RCPT", "-B", "552 5.2.2 mailbox full"], "failed", "rcpt-5yz"),
    (["-f", "MAIL", "-B", "552 5.3.4 too big"], "failed", "mail-552"),
    (["-f", "MAIL", "-B", "530 5.7.0 who are you"], "held", "mail-530"),
    (["-r", "RCPT", "-b", "452 4.2.2 mailbox full"], "expired", "rcpt-4yz"),
    (["-f", "CONNECT", "-B", "521 5.3.2 never"], "held", "banner-521"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_command_can_fail(case: Case, sink: Start, sending: Start) -> None:
    """Nobody has the message but who is said to have it; nobody is unknown who could be known."""
    server = sink(*case.options.split())

    told = sending(server.port, GUESTS).send()

    assert told.states == dict.fromkeys(GUESTS, case.state), told.printed
    assert told.rows == {case.row}
    assert server.heard() == Counter(dict.fromkeys(GUESTS, case.dots)) - Counter()


@pytest.mark.parametrize(("options", "state", "row"), WORDS, ids=[words[-1] for words, *_ in WORDS])
def test_the_code_of_a_refusal_decides(options: list[str], state: str, row: str, sink: Start, sending: Start) -> None:
    """A refusal is read by its code at its stage, and nothing is sent."""
    server = sink(*options)

    told = sending(server.port, GUESTS[:1]).send()

    assert (told.states, told.rows) == ({GUESTS[0]: state}, {row})
    assert not server.heard()


@pytest.mark.parametrize("options", [[], ["-p"], ["-N", "-8", "-E"]], ids=" ".join)
def test_everybody_gets_one_message(options: list[str], sink: Start, sending: Start) -> None:
    """With and without PIPELINING: the ledger says what the sink has in writing."""
    server = sink(*options)
    guests = [f"guest{n}@x{n % 7}.test" for n in range(300)]

    told = sending(server.port, guests, limits="connections = 8").send()

    assert (told.status, told.counts) == (0, {"delivered": 300})
    assert server.heard() == Counter(guests) == told.delivered


def test_a_batch_is_one_message_to_many(sink: Start, sending: Start) -> None:
    """Each transaction has as many recipients as the campaign allows."""
    server = sink()
    guests = [f"guest{n}@x.test" for n in range(95)]

    told = sending(server.port, guests, mode="batch", limits="recipients_per_transaction = 30").send()

    assert server.heard() == Counter(guests) == told.delivered
    assert sorted(text.count("X-Rcpt-Args:") for text in server.texts()) == [5, 30, 30, 30]
