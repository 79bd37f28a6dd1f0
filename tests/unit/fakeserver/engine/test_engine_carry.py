"""One engine goes on where another is."""

from __future__ import annotations

from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.language.profile import Item, Profile
from maildrill.fakeserver.language.script import Rule, Script
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import Stage

RULE = '[[rule]]\nname = "{name}"\nat = "mail"\nkey = "transaction"\nreply = "450 4.3.2 {{n}}"\n'


def test_a_rule_that_is_there_unchanged_goes_on_counting() -> None:
    """One that changed, or was not there, begins anew."""
    before = Engine(read_script(RULE.format(name="a") + RULE.format(name="b"), "x.toml"))
    mail = Event(stage=Stage.MAIL, at=0.0, session=1, client="192.0.2.1", reverse_path="a@b.test")
    before.on(mail)
    after = Engine(
        read_script(
            RULE.format(name="a") + RULE.format(name="b").replace("450", "451") + RULE.format(name="c"), "x.toml"
        )
    )
    after.carry(before)

    assert after.fired() == {"a": 1, "b": 0, "c": 0}


def asked(stage: Stage, at: float = 0.0, session: int = 1, rcpt: str | None = None, idle: float = 0.0) -> Event:
    """Return an event of a session."""
    return Event(stage=stage, at=at, session=session, client="192.0.2.1", reverse_path="a@b.test", rcpt=rcpt, idle=idle)


def test_everything_that_was_remembered_goes_on() -> None:
    """Attempts, quotas, replies, draws, states, silences and open sessions: as if nothing had happened."""
    text = """
[[rule]]
at = "rcpt"
key = "rcpt"
attempt = "3-"
replies = ["450 a", "451 b"]
[[rule]]
at = "rcpt"
over = "2/1h"
reply = "452 c"
[[rule]]
at = "noop"
chance = 0.5
reply = "450 d"
[[rule]]
at = "mail"
state = "seen"
reply = "450 e"
[[rule]]
at = "mail"
set = "seen"
[[rule]]
at = "idle"
age = ">=60s"
attempt = "2"
cut = "before"
[[rule]]
at = "vrfy"
open = ">1"
reply = "450 f"
"""
    events = [
        asked(Stage.CONNECT),
        asked(Stage.CONNECT, session=2),
        asked(Stage.MAIL),
        *(asked(Stage.RCPT, at=n, rcpt="ann@x.test") for n in range(6)),
        *(asked(Stage.NOOP) for _ in range(10)),
        asked(Stage.IDLE, at=60.0, idle=60.0),
        asked(Stage.IDLE, at=61.0, idle=61.0),
        asked(Stage.IDLE, at=200.0, idle=60.0),
        asked(Stage.VRFY),
        asked(Stage.MAIL),
    ]

    def played(restart: int) -> list[object]:
        engine, done = Engine(read_script(text, "x.toml")), []
        for n, event in enumerate(events):
            if n == restart:
                before, engine = engine, Engine(read_script(text, "x.toml"))
                engine.carry(before)
            done.append(engine.on(event).actions)
        return [*done, dict(engine.fired())]

    expected = played(-1)

    for restart in range(len(events)):
        assert played(restart) == expected


def test_a_lot_that_was_drawn_holds_on() -> None:
    """Profiles, too: whoever was named before has that attempt behind them."""
    items = tuple(Item(1, Rule(name=f"r{n}", at=(Stage.RCPT,), replies=(ReplyTemplate("450 x"),))) for n in range(3))
    script = Script(profiles=(Profile(name="p", mix=items),))

    def rules(restart: int) -> list[str]:
        engine, seen = Engine(script), []
        for n in range(12):
            if n == restart:
                before, engine = engine, Engine(script)
                engine.carry(before)
            seen.append(engine.on(asked(Stage.RCPT, rcpt="ann@x.test")).rule)
        return seen

    assert rules(6) == rules(-1)
