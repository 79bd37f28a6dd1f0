"""`maildrill serve`, driven by clients that share no code with it."""

from __future__ import annotations

import asyncio
import signal
import smtplib
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

Serve = Callable[..., Any]

SENDER = "news@sender.example"
ACCEPTED = "ann@south.example"
# What the first attempt meets in `rough-week`.
REFUSED = {"a@grey.example": 450, "b@full.example": 452, "c@stuffed.example": 552, "d@gone.example": 550}
LETTER = "Subject: Hello\r\n\r\nHello.\r\n.\r\nA dot alone does not end it.\r\n"


def test_smtplib_meets_the_rough_week(serve: Serve) -> None:
    """One recipient of five is served, the others are refused as the script says."""
    served = serve("rough-week")
    with smtplib.SMTP(served.host, served.port) as client:
        refused = client.sendmail(SENDER, [ACCEPTED, *REFUSED], LETTER)
    summary = served.end(signal.SIGTERM)

    assert {address: code for address, (code, _) in refused.items()} == REFUSED
    assert "sessions=1 messages=1 committed=1 acknowledged=1" in summary


def test_aiosmtplib_meets_the_rough_week(serve: Serve) -> None:
    """The other client hears the same."""
    served = serve("rough-week")

    async def send() -> dict[str, int]:
        async with aiosmtplib.SMTP(hostname=served.host, port=served.port) as client:
            refused, _ = await client.sendmail(SENDER, [ACCEPTED, *REFUSED], LETTER)
        return {address: reply.code for address, reply in refused.items()}

    refused = asyncio.run(send())
    summary = served.end(signal.SIGTERM)

    assert refused == REFUSED
    assert "sessions=1 messages=1 committed=1 acknowledged=1" in summary


def test_the_mailbox_is_tidied_up_after_two_attempts(serve: Serve) -> None:
    """The script remembers across connections."""
    served = serve("rough-week")
    codes = []
    for _ in range(3):
        with smtplib.SMTP(served.host, served.port) as client:
            client.ehlo()
            client.mail(SENDER)
            codes.append(client.rcpt("b@full.example")[0])

    assert codes == [452, 452, 250]


def test_a_lost_reply_is_a_lost_connection_for_the_client(tmp_path: Path, serve: Serve) -> None:
    """The message is committed and never acknowledged."""
    (tmp_path / "lost.toml").write_text('version = 1\n[[rule]]\nat = "dot"\ncommit = true\ncut = "before"\n')
    served = serve("lost.toml")
    with pytest.raises(smtplib.SMTPServerDisconnected), smtplib.SMTP(served.host, served.port) as client:
        client.sendmail(SENDER, [ACCEPTED], LETTER)
    summary = served.end(signal.SIGTERM)

    assert "sessions=1 messages=1 committed=1 acknowledged=0" in summary


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_summary(serve: Serve, number: signal.Signals) -> None:
    """Also while a client is connected; rules that never fired are named."""
    served = serve("greylist")
    with socket.create_connection((served.host, served.port)) as client:
        client.recv(100)
        summary = served.end(number)

    assert "sessions=1 messages=0 committed=0 acknowledged=0" in summary
    assert summary[-1] == 'never fired: rule="greylisting"'


def test_the_ready_file_says_where_it_listens(tmp_path: Path, serve: Serve) -> None:
    """It is gone when the server is."""
    ready = tmp_path / "ready"
    served = serve("all-good", "--ready-file", "ready")
    # listening is said first, the file follows at once: the first reply comes after both
    with smtplib.SMTP(served.host, served.port) as client:
        client.noop()
        said = ready.read_text()
    served.end(signal.SIGTERM)

    assert (said, ready.exists()) == (f"{served.host}:{served.port}\n", False)


def test_a_port_in_use_is_an_error_that_says_so(serve: Serve, command: Callable[..., subprocess.Popen[str]]) -> None:
    """Exit code 2, and nothing on stdout."""
    served = serve("all-good")
    second = command("serve", "--port", str(served.port))
    output, errors = second.communicate(timeout=60)

    assert (second.returncode, output) == (2, "")
    assert errors.startswith(f"error: 127.0.0.1:{served.port}: cannot listen: Address already in use\n")
