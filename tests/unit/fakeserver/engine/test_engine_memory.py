"""An engine that has seen ever so much holds no more than one that has seen little."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from maildrill.fakeserver.engine import memory
from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.language.profile import Item, Profile
from maildrill.fakeserver.language.script import Rule, Script
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import Stage

SCRIPT = """
[[rule]]
at = "*"
times = 1000000
wait = "1s"
then = "pass"
[[rule]]
at = "*"
chance = 0.1
reply = "450 x"
[[rule]]
at = "rcpt"
over = "10/1h"
attempt = "1-10"
reply = "452 x"
[[rule]]
at = "dot"
key = ["message", "user"]
attempt = "1"
reply = "451 {n}"
[[rule]]
at = "rcpt"
key = ["transaction", "rcpt"]
attempt = "1"
set = "seen"
[[rule]]
at = "mail"
key = "connection"
attempt = "2"
set = "seen"
[[rule]]
at = "rcpt"
key = ["client", "ehlo", "from", "rcpt"]
age = "<5m"
reply = "450 x"
[[rule]]
at = "idle"
age = ">=1s"
times = 1
cut = "before"
[[rule]]
at = "body"
after = 10
times = 1
cut = "before"
[[rule]]
at = "mail"
key = "user"
open = ">100"
reply = "450 x"
"""


def session(number: int) -> Iterator[Event]:
    """Go through the events of a session in which everything is new."""
    about = {"session": number, "client": f"c{number}", "helo": f"h{number}", "user": f"u{number}" * 50}
    at = float(number)
    yield Event(stage=Stage.CONNECT, at=at, **about)  # type: ignore[arg-type]  # names and a number
    for n in (1, 2):
        mail = {**about, "reverse_path": f"{number}.{n}@x.test", "transaction": n}
        yield Event(stage=Stage.MAIL, at=at, **mail)  # type: ignore[arg-type]
        for rcpt in range(3):
            yield Event(stage=Stage.RCPT, at=at, rcpt=f"{rcpt}.{number}@x.test", **mail)  # type: ignore[arg-type]
        yield Event(stage=Stage.BODY, at=at, size=1, **mail)  # type: ignore[arg-type]
        yield Event(stage=Stage.BODY, at=at, size=10, **mail)  # type: ignore[arg-type]
        message = {"message_id": f"<{number}.{n}>" * 50, "content": b"x" * 100, "size": 100}
        yield Event(stage=Stage.DOT, at=at, recipients=(f"{number}@x.test",), **message, **mail)  # type: ignore[arg-type]
    yield Event(stage=Stage.IDLE, at=at, idle=1.0, **about)  # type: ignore[arg-type]


def weight(thing: object) -> int:
    """Return the octets of all that can be reached from a thing, code aside."""
    seen, waiting, total = set(), [thing], 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type) or callable(one) or type(one).__name__ == "module":
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        waiting += gc.get_referents(one)
    return total


def test_memory_stays_flat_with_clients_that_never_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session, address, message, name and user is new; all counters are full after a while, and stay so."""
    monkeypatch.setattr(memory.Shelf.__init__, "__defaults__", (50,))
    profile = Profile(name="p", mix=(Item(1, Rule(name="p/1", at=(Stage.RCPT,))), Item(1)))
    script = read_script(SCRIPT, "s.toml")
    engine = Engine(Script(rules=script.rules, profiles=(profile,)))
    weights = []
    for number in range(1, 401):
        for event in session(number):
            engine.on(event)
        engine.end(number)
        weights.append(weight([vars(engine), *map(vars, engine._matchers)]))

    assert max(weights[300:]) < 1.1 * max(weights[100:200])


def test_a_session_that_is_refused_leaves_nothing_behind() -> None:
    """Nobody will say that it ended."""
    engine = Engine(read_script('[[rule]]\nat = "connect"\nopen = ">1"\ncut = "refuse"', "s.toml"))
    for number in range(1, 4):
        engine.on(Event(stage=Stage.CONNECT, at=0.0, session=number, client="c"))

    assert len(engine._sessions._known) == 1


def test_a_session_takes_its_own_along() -> None:
    """Nothing is left of it in the engine; counters of others are."""
    engine = Engine(read_script(SCRIPT, "s.toml"))
    for event in session(1):
        engine.on(event)
    engine.end(1)

    assert not engine._sessions._known
    assert all(not matcher._begun for matcher in engine._matchers)
