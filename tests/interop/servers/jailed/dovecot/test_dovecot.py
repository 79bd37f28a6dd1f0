"""Dovecot's submission service: who is let in, and what is behind it has in writing."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., Any]


@pytest.fixture
def account(certificate: Any) -> Callable[..., str]:
    """Return a function that says how to log in."""

    def lines(*mechanisms: str) -> str:
        way = f"auth = {list(mechanisms)}\n".replace("'", '"') if mechanisms else ""
        return (
            f'tls = "required"\nca_file = "{certificate.authority}"\n{way}user = "ann"\npassword = "env:SMTP_PASSWORD"'
        )

    return lines


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_the_right_password_opens_and_a_wrong_one_burns_nobody(
    mechanism: str, dovecot: Start, sink: Start, sending: Start, account: Callable[..., str], secret: str
) -> None:
    """In TLS; after a refusal nobody is tried, and the same campaign goes to everybody later."""
    behind = sink()
    server = dovecot(behind)
    guests = [f"guest{n}@x.test" for n in range(5)]
    way = {"account": account(mechanism), "limits": "connections = 5"}
    campaign = sending(server.port, guests, secret=secret[::-1], **way)

    refused = campaign.send()
    log, heard = server.log(), behind.heard()
    campaign.secret = secret
    told = campaign.send()

    assert (refused.status, refused.counts, refused.rows) == (77, {"held": 5}, {"auth-5yz"}), refused.printed
    assert log.count("(auth failed, 1 attempts") == 1, log
    assert not heard
    assert behind.heard() == Counter(guests) == told.delivered, told.printed
    assert f"Login: user=<ann>, method={mechanism}," in server.log()


def test_the_strongest_mechanism_is_taken(
    dovecot: Start, sink: Start, sending: Start, account: Callable[..., str]
) -> None:
    """SCRAM-SHA-256, where both have it."""
    behind = sink()
    server = dovecot(behind)

    told = sending(server.port, ["ann@x.test"], account=account()).send()

    assert behind.heard() == told.delivered == {"ann@x.test": 1}, told.printed
    assert "method=SCRAM-SHA-256," in server.log()


@pytest.mark.parametrize("message", ["", 'chunking = "auto"\nchunk = "1KiB"'], ids=["data", "bdat"])
def test_everybody_gets_one_message(
    message: str, dovecot: Start, sink: Start, sending: Start, account: Callable[..., str]
) -> None:
    """With PIPELINING, and by DATA or BDAT; the letter is as it was written."""
    behind = sink()
    server = dovecot(behind)
    guests = [f"guest{n}@x.test" for n in range(40)]
    letter = "Hello.\n.\n..two dots\n" + "x" * 70 + "\n" * 40

    campaign = sending(server.port, guests, account=account(), letter=letter, message=message)
    told = campaign.send()

    assert (told.status, told.counts) == (0, {"delivered": 40}), told.printed
    assert behind.heard() == Counter(guests) == told.delivered
    assert all(letter.rstrip() in text for text in behind.texts())
    assert ("BDAT" in campaign.dialogue()) == bool(message)


@pytest.mark.parametrize(
    ("options", "state", "rows", "heard"),
    [
        (["-f", "RCPT", "-B", "550 5.1.1 no such user"], "failed", {"rcpt-5yz"}, 0),
        (["-r", "RCPT", "-b", "450 4.2.1 not now"], "expired", {"rcpt-4yz"}, 0),
        (["-f", ".", "-B", "554 5.7.1 not this"], "failed", {"dot-5yz"}, 1),
        (["-r", ".", "-b", "451 4.3.0 not now"], "expired", {"dot-4yz"}, 1),
        (["-q", "."], "expired", {"dot-4yz"}, 1),  # what it says of it
        (["-q", "RCPT"], "held", {"mail-421", "rcpt-421"}, 0),
        (["-q", "CONNECT"], "held", {"auth-4yz", "mail-421"}, 0),
    ],
    ids=["rcpt-5yz", "rcpt-4yz", "dot-5yz", "dot-4yz", "lost-at-the-dot", "lost", "gone"],
)
def test_what_is_said_behind_it_is_what_we_hear(
    options: list[str],
    state: str,
    rows: set[str],
    heard: int,
    dovecot: Start,
    sink: Start,
    sending: Start,
    account: Callable[..., str],
) -> None:
    """It hands on commands as they come, so that refusals behind it are read as if it had said them."""
    behind = sink(*options)
    guests = ["ann@x.test"]

    told = sending(dovecot(behind).port, guests, account=account()).send()

    assert told.states == dict.fromkeys(guests, state), told.printed
    assert set() < told.rows <= rows  # which command a loss behind it meets is a matter of time
    assert behind.heard() == Counter(guests * heard)


def test_who_does_not_log_in_is_held(dovecot: Start, sink: Start, sending: Start, certificate: Any) -> None:
    """530 is about our account."""
    behind = sink()
    account = f'tls = "required"\nca_file = "{certificate.authority}"'

    told = sending(dovecot(behind).port, ["ann@x.test", "bob@x.test"], account=account).send()

    assert (told.status, told.counts, told.rows) == (77, {"held": 2}, {"mail-530"}), told.printed
    assert not behind.heard()


def test_a_server_that_is_killed_loses_nobody(
    dovecot: Start, sink: Start, sending: Start, account: Callable[..., str], until: Start
) -> None:
    """In the midst of a campaign: whoever is not unknown gets one message, whoever is, at most one."""
    behind = sink()
    server = dovecot(behind)
    guests = [f"guest{n}@x.test" for n in range(300)]
    campaign = sending(server.port, guests, account=account(), lifetime="1m")

    sender = campaign.start()
    until(lambda: behind.heard().total() > 30, server.log)
    server.kill()
    sender.send_signal(signal.SIGINT)
    cut = campaign.end(sender)
    again = dovecot(behind)
    accounts = campaign.folder / "accounts.toml"
    accounts.write_text(accounts.read_text().replace(str(server.port), str(again.port)))
    after = campaign.send()

    assert cut.counts["unknown"] <= 4 < cut.counts["pending"] + cut.counts["deferred"], cut.printed
    assert after.counts == Counter(unknown=cut.counts["unknown"], delivered=300 - cut.counts["unknown"])
    assert set(behind.heard().values()) == {1}
    assert set(after.delivered) <= set(behind.heard())
