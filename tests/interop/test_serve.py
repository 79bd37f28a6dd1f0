"""`maildrill serve`, driven by clients that share no code with it."""

from __future__ import annotations

import asyncio
import signal
import smtplib
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
