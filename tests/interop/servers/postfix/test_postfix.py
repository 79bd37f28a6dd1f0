"""Postfix as the server: who has the message, by its Maildirs and its log, is who has it by the ledger."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., Any]
_SENT = re.compile(r": (\w+): to=<(\S+)>,.* status=sent")


@pytest.mark.parametrize(
    ("port", "message", "verb"),
    [("plain", "", "data"), ("plain", 'chunking = "auto"\nchunk = "1KiB"', "bdat"), ("lockstep", "", "data")],
    ids=["pipelined", "chunked", "in-lockstep"],
)
def test_everybody_gets_one_message(port: str, message: str, verb: str, postfix: Any, sending: Start) -> None:
    """Ledger, log and Maildirs say the same of each, down to the queue id; the letter is as it was written."""
    name = f"guest-{port}-{verb}-"
    guests = [f"{name}{n}@good.test" for n in range(120)]
    letter = "Hello.\n.\n..two dots\n" + "x" * 70 + "\n" * 40

    campaign = sending(postfix.ports[port], guests, letter=letter, message=message, limits="connections = 5")
    told = campaign.send()
    messages = postfix.messages("guests", name)

    assert (told.status, told.counts) == (0, {"delivered": 120}), told.printed
    assert Counter(message["Delivered-To"] for message in messages) == Counter(guests) == told.delivered
    assert {message.get_content() for message in messages} == {letter}
    queued = {f"{address} {tries[-1].words.split()[-1]}" for address, tries in told.tries.items()}
    assert queued == {f"{to} {identity}" for identity, to in _SENT.findall(postfix.log()) if name in to}
    assert (postfix.said("mail"), postfix.said("rcpt")) == ([120, 0], [120, 0])
    assert postfix.said(verb)[0] >= 120


def test_a_batch_is_split_as_the_server_wants(postfix: Any, sending: Start) -> None:
    """452 4.5.3 behind five: what was accepted goes at once, and the next transactions are of five."""
    guests = [f"guest-few-{n}@good.test" for n in range(23)]

    told = sending(postfix.ports["few"], guests, mode="batch", lifetime="1m").send()

    assert postfix.taken("guest-few-") == Counter(guests) == told.delivered
    assert sorted(re.findall(r"nrcpt=(\d+)", postfix.log())) == ["3", "5", "5", "5", "5"]


def test_refusals_are_for_whom_they_are(postfix: Any, sending: Start) -> None:
    """In one transaction: no mailbox, no relaying, and two who get it."""
    guests = ["guest-ann@good.test", "gone@good.test", "guest-bob@good.test", "eve@far.test"]

    told = sending(postfix.ports["plain"], guests, mode="batch").send()

    assert told.states == dict(zip(guests, ["delivered", "failed", "delivered", "failed"], strict=True))
    assert [told.tries[guest][0].code for guest in guests] == [250, 550, 250, 554], told.tries
    assert postfix.taken("guest-ann") + postfix.taken("guest-bob") == told.delivered
    assert postfix.said("rcpt") == [2, 2]


def test_greylisting_is_waited_for(postfix: Any, sending: Start) -> None:
    """450 at first, then 250: both are in Postfix' log, and one message is in the mailbox."""
    guests = [f"guest-grey-{n}@good.test" for n in range(8)]

    told = sending(postfix.ports["grey"], guests, lifetime="20s").send()

    assert postfix.taken("guest-grey-") == Counter(guests) == told.delivered
    assert postfix.said("rcpt") == [8, 8]
    assert sorted(postfix.policy.grey) == sorted(guests)
    assert {tuple(each.code for each in tries) for tries in told.tries.values()} == {(450, 250)}


@pytest.mark.parametrize(
    ("port", "message", "row", "mails"),
    [
        ("small", "", "local-size", [0, 0]),
        ("small-unsaid", "", "dot-5yz", [1, 0]),
        ("small-unsaid", 'chunking = "auto"\nchunk = "1KiB"', "data-5yz", [1, 0]),
    ],
)
def test_too_large_is_too_large(
    port: str, message: str, row: str, mails: list[int], postfix: Any, sending: Start
) -> None:
    """A size that is known is not tried; one that is not is refused behind the dot, or with a chunk."""
    guest = f"guest-{row}-{len(message)}@good.test"

    told = sending(postfix.ports[port], [guest], letter=f"{'x' * 70}\n" * 400, message=message).send()

    assert (told.states, told.rows) == ({guest: "failed"}, {row}), told.tries
    assert postfix.said("mail") == mails
    assert not postfix.taken(guest)


def test_international_addresses_go_as_they_are(postfix: Any, sending: Start) -> None:
    """SMTPUTF8 and 8BITMIME, as the Received field says; nobody else's message is sent with them."""
    guests = ["guest-żółw@good.test", "guest-plain-zolw@good.test"]

    told = sending(postfix.ports["plain"], guests).send()
    trace = {str(message["Delivered-To"]): message["Received"] for message in postfix.messages("guests", "w@good")}

    assert Counter(list(trace)) == Counter(guests) == told.delivered
    assert ["with UTF8SMTP" in trace[guest] for guest in guests] == [True, False]


@pytest.mark.parametrize(("port", "row"), [("ascii", "local-smtputf8"), ("seven-bit", "local-8bitmime")])
def test_international_addresses_need_the_server(port: str, row: str, postfix: Any, sending: Start) -> None:
    """Where SMTPUTF8 or 8BITMIME is missing nothing is tried for them, and the others go on."""
    guests = [f"guest-ż-{port}@good.test", f"guest-z-{port}@good.test"]

    told = sending(postfix.ports[port], guests).send()

    assert told.states == {guests[0]: "failed", guests[1]: "delivered"}
    assert told.tries[guests[0]][0].row == row
    assert postfix.taken(f"-{port}") == told.delivered
    assert postfix.said("mail") == [1, 0]
