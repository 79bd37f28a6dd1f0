"""OpenSMTPD as the server: who has the message, by its Maildirs and its log, is who has it by the ledger."""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., Any]
_DELIVERED = re.compile(r"evpid=(\w{8})\w+ from=\S+ to=<(\S+-each@\S+)> .*stat=Delivered")


def test_everybody_gets_one_message(opensmtpd: Any, sending: Start, until: Start) -> None:
    """One by one, for it has no PIPELINING; each message that it says it took is one in a Maildir."""
    guests = [f"guest-{n}-each@good.test" for n in range(60)]
    letter = "Hello.\n.\n..two dots\n" + "x" * 70 + "\n" * 40
    limits = "messages_per_connection = 10"

    told = sending(opensmtpd.ports["plain"], guests, letter=letter, message='chunking = "auto"', limits=limits).send()
    messages = opensmtpd.messages("guests", "-each@")

    assert (told.status, told.counts) == (0, {"delivered": 60}), told.printed
    assert opensmtpd.taken("-each@") == Counter(guests) == told.delivered
    assert {message.get_content() for message in messages} == {letter}
    until(lambda: len(_DELIVERED.findall(opensmtpd.log())) >= 60, lambda: str(told))
    took = {f"{tries[-1].words.split()[1]} {address}" for address, tries in told.tries.items()}
    assert took == {f"{identity} {to}" for identity, to in _DELIVERED.findall(opensmtpd.log())}


def test_a_session_that_takes_no_more_costs_nobody_a_try(opensmtpd: Any, sending: Start) -> None:
    """452 4.5.3 to MAIL after ten messages: the next session goes on, and after the second time it is known."""
    guests = [f"guest-{n}-session@good.test" for n in range(35)]
    campaign = sending(opensmtpd.ports["plain"], guests, lifetime="1m", limits="connections = 1")

    told = campaign.send()

    assert opensmtpd.taken("-session@") == Counter(guests) == told.delivered, told.printed
    assert [each.row for tries in told.tries.values() for each in tries].count("mail-too-many") == 2
    assert "10 messages in a session" in campaign.run("status", str(campaign.folder / "campaign.toml")).output


def test_too_many_recipients_are_no_refusal(opensmtpd: Any, sending: Start) -> None:
    """Its code is 451, but its enhanced code 4.5.3: what was taken goes at once, then the rest."""
    guests = [f"guest-{n}-many@good.test" for n in range(20)]

    told = sending(opensmtpd.ports["plain"], guests, mode="batch", lifetime="30s").send()

    assert opensmtpd.taken("-many@") == Counter(guests) == told.delivered
    assert len(set(re.findall(r"evpid=(\w{8})\w+ .*-many@.*stat=Delivered", opensmtpd.log()))) == 3
    assert {each.row for tries in told.tries.values() for each in tries} == {"rcpt-too-many", "dot-2yz"}


def test_refusals_are_for_whom_they_are(opensmtpd: Any, sending: Start) -> None:
    """In one transaction: refused, no relaying, and two who get it."""
    guests = ["guest-ann@good.test", "gone@good.test", "eve@far.test", "guest-bob@good.test"]

    told = sending(opensmtpd.ports["plain"], guests, mode="batch").send()

    assert list(told.states.values()) == ["delivered", "failed", "failed", "delivered"], told.tries
    assert [told.tries[guest][0].code for guest in guests] == [250, 550, 550, 250]
    assert opensmtpd.taken("guest-ann") + opensmtpd.taken("guest-bob") == told.delivered
    assert len(re.findall(r"failed-command.*(?:gone@good|eve@far)", opensmtpd.log())) == 2


def test_a_size_that_is_known_is_not_tried(opensmtpd: Any, sending: Start) -> None:
    """SIZE says 20480: nothing of the message leaves."""
    before = opensmtpd.log()

    told = sending(opensmtpd.ports["plain"], ["guest-big@good.test"], letter=f"{'x' * 70}\n" * 400).send()

    assert (told.counts, told.rows) == ({"failed": 1}, {"local-size"}), told.tries
    assert "smtp message" not in opensmtpd.log()[len(before) :]


@pytest.mark.parametrize("mode", ["opportunistic", "required"])
def test_a_broken_handshake_is_one_in_clear_or_none(
    mode: str, opensmtpd: Any, sending: Start, certificate: Any
) -> None:
    """OpenSMTPD 6.8 fails each handshake: the mail goes in clear where it may, and is held where it may not."""
    works = opensmtpd.handshakes()
    guests = [f"guest-{n}-{mode}@good.test" for n in range(6)]
    account = (
        'tls = "opportunistic"' if mode == "opportunistic" else f'tls = "{mode}"\nca_file = "{certificate.authority}"'
    )

    told = sending(opensmtpd.ports["secure"], guests, account=account).send()
    messages = opensmtpd.messages("guests", f"-{mode}@")

    sent = works or mode == "opportunistic"
    assert told.counts == {"delivered" if sent else "held": 6}, told.printed
    assert Counter(str(message["Delivered-To"]) for message in messages) == told.delivered
    assert {re.findall(r"with (ESMTPS?)", message["Received"])[0] for message in messages} == (
        {"ESMTPS"} if works else {"ESMTP"} if sent else set()
    )


def test_its_bounces_are_read_back(opensmtpd: Any, sending: Start) -> None:
    """One is taken and refused further on: so says its report, and so says the ledger then."""
    guests = ["guest-reported@good.test", "bob@bounced.test"]
    campaign = sending(opensmtpd.ports["plain"], guests, more='[dsn]\nnotify = ["failure"]\nret = "hdrs"')

    told = campaign.send()
    reports = opensmtpd.messages("news", "news")

    assert told.delivered == Counter(guests), told.printed
    assert len(reports) == 1
    assert campaign.settled(opensmtpd.mail / "news") == {guests[0]: "delivered", guests[1]: "failed"}


def test_a_server_that_is_killed_loses_nobody(opensmtpd: Any, sending: Start, until: Start) -> None:
    """In the midst of a campaign; whoever is not unknown gets one message, whoever is, at most one."""
    guests = [f"guest-{n}-killed@good.test" for n in range(200)]
    limits = "messages_per_connection = 10"
    campaign = sending(opensmtpd.ports["plain"], guests, lifetime="1m", limits=limits)
    before = len(opensmtpd.log())

    sender = campaign.start()
    until(lambda: opensmtpd.log()[before:].count("smtp message") > 30, opensmtpd.log)
    opensmtpd.kill()
    sender.send_signal(signal.SIGINT)
    cut = campaign.end(sender)
    opensmtpd.start()
    after = campaign.send()
    # What it was delivering when it was killed it delivers again: its own copies bear one id.
    messages = opensmtpd.messages("guests", "-killed@")
    taken = {(str(each["Delivered-To"]), re.findall(r" id (\w+)", each["Received"])[0]) for each in messages}

    assert cut.counts["unknown"] <= 4 < cut.counts["pending"], cut.printed
    assert after.counts == Counter(unknown=cut.counts["unknown"], delivered=200 - cut.counts["unknown"])
    assert Counter(guest for guest, _ in taken) >= after.delivered
    assert len(taken) == len({guest for guest, _ in taken})
