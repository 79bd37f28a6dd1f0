"""`maildrill send` to `maildrill serve` over TCP: what the drill foretold comes true."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

Serve = Callable[..., Any]
Command = Callable[..., subprocess.Popen[str]]
States = Callable[[str], dict[str, str]]

SCRIPT = """
version = 1

[[rule]]
at = "rcpt"
domain = "grey.example"
key = "rcpt"
attempt = "1"
reply = "450 4.2.0 greylisted"

[[rule]]
at = "rcpt"
domain = "stuffed.example"
reply = "552 5.2.2 storage allocation exceeded"

[[rule]]
at = "rcpt"
domain = "gone.example"
reply = "550 5.1.1 no such user here"

[[rule]]
at = "rcpt"
domain = "never.example"
reply = "450 4.2.1 mailbox disabled"

[[rule]]
at = "mail"
times = 1
reply = "421 4.3.2 closing for a moment"

[[rule]]
at = "dot"
domain = "busy.example"
key = "message"
replies = ["451 4.3.0 local error", "250 2.0.0 taken"]

[[rule]]
at = "dot"
domain = "lost.example"
commit = true
cut = "before"
"""
# What becomes of the guests of each domain.
ENDS = {
    "good.example": "delivered",
    "grey.example": "delivered",
    "busy.example": "delivered",
    "stuffed.example": "failed",
    "gone.example": "failed",
    "never.example": "expired",
    "lost.example": "unknown",
}
COUNTS = ["recipients", "delivered", "deferred", "failed", "expired", "unknown", "held", "suppressed", "violations"]


def test_send_ends_in_the_states_of_the_drill(
    tmp_path: Path, serve: Serve, command: Command, campaign: Callable[..., Counter[str]], states: States
) -> None:
    """One campaign, one script: in virtual time and in memory, then in real time and on TCP."""
    (tmp_path / "script.toml").write_text(SCRIPT)
    served = serve("script.toml")
    guests = campaign(served.port, list(ENDS), 21, retry='schedule = ["500ms"]\nlifetime = "2s"')

    drill = command("drill", "campaign.toml", "--script", "script.toml", "--out", "out", "--json")
    foretold = json.loads(drill.communicate(timeout=60)[0])
    send = command("send", "campaign.toml", "--json")
    output, errors = send.communicate(timeout=60)
    told = json.loads(output)
    summary = served.end(signal.SIGTERM)

    assert (send.returncode, drill.returncode) == (1, 0), errors
    assert {key: told[key] for key in COUNTS} == {key: foretold[key] for key in COUNTS}
    assert states("campaign.ledger") == states("out/ledger.sqlite")
    assert all(ENDS[address.partition("@")[2]] == state for address, state in states("campaign.ledger").items())
    taken = sum(count for domain, count in guests.items() if ENDS[domain] in ("delivered", "unknown"))
    assert f" committed={taken} acknowledged={taken - guests['lost.example']}" in next(
        line for line in summary if line.startswith("sessions=")
    )
