"""Exim as the server: who has the message, by its Maildirs and its log, is who has it by the ledger."""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., Any]
_QUEUED = re.compile(r"OK id=(\S+)")
_DELIVERED = re.compile(r" (\S+) => \S+ <(\S+)>")


@pytest.mark.parametrize("message", ["", 'chunking = "auto"\nchunk = "1KiB"'], ids=["data", "bdat"])
def test_everybody_gets_one_message(message: str, exim: Any, sending: Start) -> None:
    """Ledger, log and Maildirs say the same of each, down to the message's id; the letter is as it was written."""
    name = f"guest-{len(message)}-"
    guests = [f"{name}{n}@good.test" for n in range(60)]
    letter = "Hello.\n.\n..two dots\n" + "x" * 70 + "\n" * 40
    campaign = sending(exim.ports["plain"], guests, letter=letter, message=message)

    told = campaign.send()
    messages = exim.messages("guests", name)

    assert (told.status, told.counts) == (0, {"delivered": 60}), told.printed
    assert exim.taken(name) == Counter(guests) == told.delivered
    assert {message.get_content() for message in messages} == {letter}
    queued = {f"{_QUEUED.findall(tries[-1].words)[0]} {address}" for address, tries in told.tries.items()}
    assert queued == {f"{identity} {to}" for identity, to in _DELIVERED.findall(exim.log())}
    assert ("BDAT" in campaign.dialogue()) == bool(message)
    assert exim.log().count(" K ") == (60 if message else 0)


def test_too_many_recipients_are_no_refusal(exim: Any, sending: Start) -> None:
    """Its 452 has no enhanced code, and comes behind thirty that it took: they go at once, and the next thirty."""
    guests = [f"guest-many-{n}@good.test" for n in range(75)]

    told = sending(exim.ports["plain"], guests, mode="batch", lifetime="1m").send()

    assert exim.taken("guest-many-") == Counter(guests) == told.delivered
    assert sorted(len(line.split()) for line in re.findall(r" <= news.* for (.*)", exim.log())) == [15, 30, 30]


def test_refusals_are_for_whom_they_are(exim: Any, sending: Start) -> None:
    """In one transaction: no mailbox, not now, no relaying, and two who get it."""
    guests = ["guest-ann@good.test", "gone@good.test", "later@good.test", "guest-bob@good.test", "eve@far.test"]

    told = sending(exim.ports["plain"], guests, mode="batch").send()

    assert list(told.states.values()) == ["delivered", "failed", "expired", "delivered", "failed"], told.tries
    assert [told.tries[guest][0].code for guest in guests] == [250, 550, 450, 250, 550]
    assert exim.taken("guest-ann") + exim.taken("guest-bob") == told.delivered
    assert re.findall(r"rejected RCPT <(.*?)>", exim.log()) == ["gone@good.test", "later@good.test", "eve@far.test"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_the_right_password_opens_and_a_wrong_one_burns_nobody(
    mechanism: str, exim: Any, sending: Start, certificate: Any, secret: str
) -> None:
    """In TLS with an authority that is pinned; after a refusal the same campaign goes to everybody."""
    name = f"guest-by-{mechanism.lower()}-"
    guests = [f"{name}{n}@good.test" for n in range(6)]
    account = (
        f'tls = "required"\nca_file = "{certificate.authority}"\nauth = ["{mechanism}"]\n'
        'user = "ann"\npassword = "env:SMTP_PASSWORD"'
    )
    limits = "connections = 5"
    campaign = sending(exim.ports["auth"], guests, account=account, secret=secret[::-1], limits=limits)

    refused = campaign.send()
    log = exim.log()
    campaign.secret = secret
    told = campaign.send()

    assert (refused.status, refused.counts, refused.rows) == (77, {"held": 6}, {"auth-5yz"}), refused.printed
    assert log.count("535 Incorrect authentication data") == 1, log
    assert " <= " not in log
    assert exim.taken(name) == Counter(guests) == told.delivered
    assert len(re.findall(r" <= news.* P=esmtpsa X=TLS1\.\S+ .*A=\w+:ann ", exim.log())) == 6, exim.log()


def test_who_does_not_log_in_is_held(exim: Any, sending: Start) -> None:
    """530 to RCPT is about our account; Exim took nothing."""
    guests = [f"guest-530-{n}@good.test" for n in range(6)]

    told = sending(exim.ports["auth"], guests).send()

    assert (told.status, told.counts, told.rows) == (77, {"held": 6}, {"rcpt-530"}), told.printed
    assert not exim.taken("guest-530-")


@pytest.mark.parametrize("message", ["", 'chunking = "auto"\nchunk = "1KiB"'], ids=["data", "bdat"])
def test_a_size_that_is_known_is_not_tried(message: str, exim: Any, sending: Start) -> None:
    """SIZE says 20480: nothing of the message leaves."""
    told = sending(exim.ports["small"], ["guest-big@good.test"], letter=f"{'x' * 70}\n" * 400, message=message).send()

    assert (told.counts, told.rows) == ({"failed": 1}, {"local-size"}), told.tries
    assert not exim.taken("guest-big")


def test_international_addresses_go_as_they_are(exim: Any, sending: Start) -> None:
    """With SMTPUTF8 it arrives; where that is not offered nothing is tried, and the other one goes."""
    guests = ["guest-żółw@good.test", "guest-zolw@good.test"]

    told = sending(exim.ports["plain"], guests).send()
    arrived = exim.taken("w@good")
    refused = sending(exim.ports["ascii"], guests, folder="ascii").send()

    assert arrived == Counter(guests) == told.delivered
    assert refused.states == {guests[0]: "failed", guests[1]: "delivered"}
    assert exim.taken("w@good") - arrived == refused.delivered


def test_its_bounces_are_read_back(exim: Any, sending: Start) -> None:
    """One is taken and refused further on: so says Exim's report, with our ENVID, and so says the ledger then."""
    guests = ["guest-reported@good.test", "bob@bounced.test"]
    campaign = sending(exim.ports["plain"], guests, more='[dsn]\nnotify = ["success", "failure"]\nret = "hdrs"')

    told = campaign.send()
    reports = [str(message) for message in exim.messages("news", "news")]

    assert told.delivered == Counter(guests), told.printed
    assert any(re.findall(r"ENVID=(\S+)", campaign.dialogue())[0] in report for report in reports), reports
    assert campaign.settled(exim.mail / "news") == {guests[0]: "delivered", guests[1]: "failed"}


def test_a_server_that_is_killed_loses_nobody(exim: Any, sending: Start, until: Start) -> None:
    """Unknown is who was at the dot, and nobody else; Exim had not taken them."""
    guests = [f"guest-killed-{n}@good.test" for n in range(10)]
    campaign = sending(exim.ports["waiting"], guests, lifetime="1m", limits="connections = 2")

    sender = campaign.start()
    until(lambda: exim.log().count("waiting with") == 2, exim.log)
    sender.send_signal(signal.SIGINT)
    exim.kill()
    cut = campaign.end(sender)
    exim.start()

    assert (cut.status, cut.counts) == (75, {"unknown": 2, "pending": 8}), cut.printed
    assert {guest for guest, state in cut.states.items() if state == "unknown"} == set(
        re.findall(r"waiting with (\S+)", exim.log())
    )
    assert not exim.taken("guest-killed-")
