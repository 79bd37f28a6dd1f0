"""A script at play without a server: events in, what the script does out, in a few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import (
    Advertise,
    Close,
    Commit,
    Decision,
    Event,
    HandOn,
    Manner,
    Proceed,
    Raw,
    Say,
    Shake,
    Sip,
    Wait,
)
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import Stage

START = 1_000_000.0


class Played:
    """An engine, and its decisions as text: `wait 2s, say 450, close`."""

    def __init__(self, script: Script, seed: int | None = None) -> None:
        self.engine = Engine(script, seed, started=START)
        self._transactions = 0

    def decide(self, stage: str, after: float = 0.0, **said: Any) -> Decision:
        """Return the decision at `stage`, `after` seconds from the start."""
        known: dict[str, Any] = {"session": 1, "client": "192.0.2.1", "helo": "client.test"}
        if stage not in ("connect", "tls", "banner", "helo", "ehlo", "starttls", "auth", "auth-step"):
            known["reverse_path"] = "news@shop.test"
        if stage in ("data", "body", "dot"):
            known["recipients"] = ("ann@x.test",)
        self._transactions += stage == "mail"
        known["transaction"] = self._transactions
        return self.engine.on(Event(stage=Stage(stage), at=START + after, **{**known, **said}))

    def on(self, stage: str, after: float = 0.0, **said: Any) -> str:
        """Return what is done at `stage`, in words."""
        return ", ".join(map(_worded, self.decide(stage, after, **said).actions))

    def misses(self, stage: str, **said: Any) -> list[str]:
        """Return the near misses of an event that no rule answers, as text."""
        return [str(miss) for miss in self.decide(stage, **said).near_misses]

    def rcpt(self, address: str, after: float = 0.0, **said: Any) -> str:
        """Return what is done at RCPT for an address."""
        return self.on("rcpt", after, rcpt=address, **said)


def _worded(action: object) -> str:  # noqa: C901, PLR0911 - one for each action
    match action:
        case Wait(seconds):
            return f"wait {seconds:g}s"
        case Commit(taken):
            return "take" if taken else "do not take"
        case Advertise(changes):
            return f"advertise {' '.join(changes)}"
        case Say(reply, half, manner):
            return f"{'half of' if half else 'say'} {reply.code}{_mannered(manner)}"
        case Proceed(half, manner):
            return f"{'half of the usual' if half else 'proceed'}{_mannered(manner)}"
        case Raw(octets, manner):
            return f"raw {octets!r}{_mannered(manner)}"
        case Sip(octets, seconds):
            return f"sip {octets} in {seconds:g}s"
        case Shake(fault):
            return f"shake {fault}"
        case HandOn(where):
            return f"hand on to {where}"
        case Close(reset):
            return "reset" if reset else "close"
        case _:
            raise AssertionError(action)


def _mannered(manner: Manner) -> str:
    drip = f" by {manner.drip[0]} in {manner.drip[1]:g}s" if manner.drip else ""
    tease = f" behind {manner.tease[1]} of {manner.tease[0]:g}s" if manner.tease else ""
    return drip + tease + (f" with {manner.mangle}" if manner.mangle else "")


@pytest.fixture
def play() -> Callable[..., Played]:
    """Play a script that is given as TOML text, or as the lines of one rule."""

    def started(text: str, seed: int | None = None) -> Played:
        text = text if "[[rule]]" in text else f"[[rule]]\n{text}"
        return Played(read_script(text, "test.toml"), seed)

    return started
