"""TLS and users: how a test's client comes to trust the server, and to log in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_starttls_with_a_certificate_that_can_be_trusted(run: Run) -> None:
    """By the server's own context, or by the file of its authority."""
    result = run(
        """
import ssl


@pytest.mark.smtp(tls=True)
@pytest.mark.parametrize("way", ["context", "file"])
def test_mail(smtp_server, way):
    tls = smtp_server.tls
    context = tls.context() if way == "context" else ssl.create_default_context(cafile=tls.ca_file)
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.starttls(context=context)
        client.sendmail("news@shop.test", ["ann@x.test"], "Subject: hello\\n\\nHello.\\n")
    assert smtp_server.journal.sessions[0].tls.startswith("TLSv1")


def test_nobody_else_trusts_it(smtp_server):
    smtp_server.settings(tls=True)
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client, pytest.raises(ssl.SSLCertVerificationError):
        client.starttls(context=ssl.create_default_context())
"""
    )

    result.assert_outcomes(passed=3)


def test_tls_from_the_first_octet_on(run: Run) -> None:
    """At a port of its own, which is there once it is asked for, and comes back with the server."""
    result = run(
        """
def test_mail(smtp_server):
    tls = smtp_server.tls
    assert tls.url == f"smtps://{smtp_server.host}:{tls.port}"
    smtp_server.stop_serving()
    smtp_server.resume_serving()
    with smtplib.SMTP_SSL(smtp_server.host, tls.port, context=tls.context()) as client:
        client.sendmail("news@shop.test", ["ann@x.test"], "Subject: hello\\n\\nHello.\\n")
    assert smtp_server.messages
"""
    )

    result.assert_outcomes(passed=1)


def test_an_expired_certificate(run: Run) -> None:
    """One word; what is on disk is gone with the server."""
    result = run(
        """
import ssl

files = []


@pytest.mark.smtp(tls=True)
def test_mail(smtp_server):
    files.append(smtp_server.tls.ca_file)
    assert files[0].is_file()
    smtp_server.on("tls").handshake("expired")
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            client.starttls(context=smtp_server.tls.context())


def test_afterwards():
    assert not files[0].exists()
"""
    )

    result.assert_outcomes(passed=2)


def test_users_can_log_in_and_nobody_else(run: Run) -> None:
    """A wrong password is the client's business, and no complaint."""
    result = run(
        """
@pytest.mark.smtp(users={"ann": "secret"})
def test_mail(smtp_server):
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.ehlo()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ann", "wrong")
        (name, password), = smtp_server.users.items()
        client.login(name, password)
    assert "secret" not in smtp_server.transcript()
"""
    )

    result.assert_outcomes(passed=1)


def test_a_program_is_told_how_to_come_in(run: Run) -> None:
    """Whom to trust and who to be, by environment and in Django's settings."""
    result = run(
        """
import ssl


@pytest.mark.smtp(tls=True, users={"ann": "secret"})
def test_mail(smtp_server, monkeypatch):
    env = smtp_server.env
    assert (env["EMAIL_HOST_USER"], env["EMAIL_HOST_PASSWORD"]) == ("ann", "secret")
    monkeypatch.setenv("SSL_CERT_FILE", env["SSL_CERT_FILE"])
    with smtplib.SMTP(env["SMTP_HOST"], int(env["SMTP_PORT"])) as client:
        client.starttls(context=ssl.create_default_context())
    settings = smtp_server.django_settings
    assert (settings["EMAIL_USE_TLS"], settings["EMAIL_HOST_USER"]) == (True, "ann")
"""
    )

    result.assert_outcomes(passed=1)
