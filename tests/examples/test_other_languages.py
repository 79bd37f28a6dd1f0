"""A program in another language: it is told by its environment where mail goes, and talks to the server over TCP."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from maildrill.fakeserver import ScriptedServer

NODE = shutil.which("node")
SEND = Path(__file__).with_name("send.js")

pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")


def send(server: ScriptedServer, recipient: str) -> int:
    """Run the program; return its exit code."""
    command = [NODE or "", str(SEND), recipient]
    return subprocess.run(command, env={**os.environ, **server.env}, timeout=60, check=False).returncode


def test_a_message_is_taken(smtp_server: ScriptedServer) -> None:
    assert send(smtp_server, "ann@x.example") == 0

    message = smtp_server.wait_for(rcpt="ann@x.example", subject="Tonight")
    assert message.text == "At seven.\n"


def test_a_deferral_is_tried_again(smtp_server: ScriptedServer) -> None:
    smtp_server.rcpt("ann@*").replies("450 4.2.1 mailbox busy", times=2)

    assert send(smtp_server, "ann@x.example") == 0
    assert smtp_server.committed("ann@x.example") == 1
    assert len(smtp_server.ledger["ann@x.example"].asked) == 3


def test_a_refusal_is_not(smtp_server: ScriptedServer) -> None:
    smtp_server.rcpt("ann@*").refuse("550 5.1.1 no such user here", times=1)

    assert send(smtp_server, "ann@x.example") == 1


def test_a_lost_reply_makes_a_second_copy(smtp_server: ScriptedServer) -> None:
    smtp_server.next_message().commit().cut("before")

    assert send(smtp_server, "ann@x.example") == 0
    assert smtp_server.committed("ann@x.example") == 2


def test_a_reply_in_pieces_is_understood(smtp_server: ScriptedServer) -> None:
    smtp_server.on("*").drip("1B/1ms")

    assert send(smtp_server, "ann@x.example") == 0
    assert smtp_server.recipients == ("ann@x.example",)
