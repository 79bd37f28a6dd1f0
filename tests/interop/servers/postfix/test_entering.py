"""Postfix with TLS and Cyrus SASL: who may in, and what it has in its log when nobody may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., Any]


def test_mail_goes_in_tls_only(postfix: Any, sending: Start, certificate: Any) -> None:
    """A server that wants STARTTLS, an authority that is pinned: each message came in TLS."""
    guests = [f"guest-tls-{n}@good.test" for n in range(10)]

    told = sending(
        postfix.ports["tls"], guests, account=f'tls = "required"\nca_file = "{certificate.authority}"'
    ).send()
    trace = [message["Received"] for message in postfix.messages("guests", "guest-tls-")]

    assert (len(trace), told.delivered) == (10, Counter(guests)), told.printed
    assert all("using TLSv1." in line and "with ESMTPS" in line for line in trace)
    assert postfix.said("starttls")[0] == postfix.log().count("TLS connection established")


@pytest.mark.parametrize("port", ["tls", "auth"])
def test_a_stranger_gets_nothing(port: str, postfix: Any, sending: Start, certificate: Any) -> None:
    """A certificate of another authority: held, no mail and no password was said."""
    account = f'tls = "required"\nca_file = "{certificate.stranger}"\nuser = "ann"\npassword = "env:SMTP_PASSWORD"'

    told = sending(postfix.ports[port], ["guest-nobody@good.test"], account=account).send()

    assert (told.status, told.counts, told.rows) == (75, {"held": 1}, {"tls-certificate"}), told.printed
    assert [postfix.said(verb) for verb in ("mail", "auth")] == [[0, 0], [0, 0]]


def test_plain_text_where_tls_is_wanted_burns_nobody(postfix: Any, sending: Start) -> None:
    """530 to MAIL is about our account."""
    guests = [f"guest-530-{n}@good.test" for n in range(10)]

    told = sending(postfix.ports["tls"], guests).send()

    assert (told.status, told.counts) == (77, {"held": 10}), told.printed
    assert postfix.said("mail")[0] == 0


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_the_right_password_opens_and_a_wrong_one_burns_nobody(
    mechanism: str, postfix: Any, sending: Start, certificate: Any, secret: str
) -> None:
    """It is said once, however many sessions there may be; with the right one the campaign goes to everybody."""
    name = f"guest-by-{mechanism.lower()}-"
    guests = [f"{name}{n}@good.test" for n in range(6)]
    account = (
        f'tls = "required"\nca_file = "{certificate.authority}"\nauth = ["{mechanism}"]\n'
        'user = "ann"\npassword = "env:SMTP_PASSWORD"'
    )
    campaign = sending(postfix.ports["auth"], guests, account=account, secret=secret[::-1], limits="connections = 5")

    refused = campaign.send()
    log = postfix.log()
    campaign.secret = secret
    told = campaign.send()

    assert (refused.status, refused.counts, refused.rows) == (77, {"held": 6}, {"auth-5yz"}), refused.printed
    assert log.count(f"SASL {mechanism} authentication failed") == 1, log
    assert (told.status, told.delivered) == (0, Counter(guests)), told.printed
    assert postfix.taken(name) == told.delivered
    assert postfix.log().count(f"sasl_method={mechanism}, sasl_username=ann") == 6
