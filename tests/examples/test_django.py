"""A Django project: its e-mail backend against the fake server."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator

import django
import pytest
from django.conf import settings
from django.core import mail
from django.test import override_settings

from maildrill.fakeserver import ScriptedServer

settings.configure(DEFAULT_FROM_EMAIL="tickets@hall.example")  # a project has its settings already
django.setup()


@pytest.fixture(autouse=True)
def _mail_goes_to_the_fake_server(smtp_server: ScriptedServer) -> Iterator[None]:
    with override_settings(**smtp_server.django_settings):
        yield


def confirm(order: int, address: str) -> bool:
    """Confirm an order; return whether the confirmation is on its way."""
    try:
        mail.send_mail(f"Your order {order}", "We have it.", None, [address])
    except (smtplib.SMTPException, OSError):
        return False
    return True


def test_an_order_is_confirmed(smtp_server: ScriptedServer) -> None:
    assert confirm(7, "ann@x.example")

    message = smtp_server.wait_for(rcpt="ann@x.example")
    assert message.subject == "Your order 7"
    assert message.text == "We have it.\n"
    assert message.reverse_path == "tickets@hall.example"


def test_an_address_that_does_not_exist(smtp_server: ScriptedServer) -> None:
    smtp_server.rcpt("ann@*").refuse("550 5.1.1 no such user here")

    assert not confirm(7, "ann@x.example")


def test_a_lost_reply_means_that_nobody_knows(smtp_server: ScriptedServer) -> None:
    smtp_server.next_message().commit().cut("rst")

    assert not confirm(7, "ann@x.example")
    # Confirm again, and the customer has it twice: the server had taken the first one.
    assert confirm(7, "ann@x.example")
    assert smtp_server.committed("ann@x.example") == 2
    assert smtp_server.acknowledged("ann@x.example") == 1


def test_an_expired_certificate_is_not_overlooked(smtp_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    smtp_server.settings(tls=True)
    smtp_server.on("tls", times=1).handshake("expired")
    monkeypatch.setenv("SSL_CERT_FILE", str(smtp_server.tls.ca_file))  # whom Python trusts

    with override_settings(EMAIL_USE_TLS=True):
        assert not confirm(7, "ann@x.example")
        assert confirm(7, "ann@x.example")
    assert smtp_server.committed("ann@x.example") == 1


def test_one_bad_address_keeps_a_newsletter_from_nobody_else(smtp_server: ScriptedServer) -> None:
    smtp_server.rcpt("bob@*").refuse("550 5.1.1 no such user here")

    letter = mail.EmailMessage("News", "All is well.", to=["ann@x.example", "bob@y.example"])

    assert letter.send() == 1
    assert smtp_server.recipients == ("ann@x.example",)


def test_one_connection_serves_many_messages(smtp_server: ScriptedServer) -> None:
    letters = [mail.EmailMessage("News", "All is well.", to=[f"reader{n}@x.example"]) for n in range(20)]

    assert mail.get_connection().send_messages(letters) == 20
    assert len(smtp_server.messages) == 20
    assert len(smtp_server.journal.sessions) == 1


def test_a_connection_that_breaks_in_the_middle(smtp_server: ScriptedServer) -> None:
    smtp_server.mail(attempt="4").replies("421 4.3.2 shutting down")

    letters = [mail.EmailMessage("News", "All is well.", to=[f"reader{n}@x.example"]) for n in range(6)]

    with pytest.raises(smtplib.SMTPException):
        mail.get_connection().send_messages(letters)
    assert len(smtp_server.messages) == 3
