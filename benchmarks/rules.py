"""How long the engine takes for an event, in microseconds of processor time, by what the rules are like.

No server, no network: events made beforehand, decided one after the other; the best of several rounds counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import Stage

ROUNDS = 7
EVENTS = 2_000
RULES = 20

#: What stands in each of the twenty rules, all of them at RCPT and none of them about the recipients that come.
KINDS: dict[str, Callable[[int], str]] = {
    "globs of a name": lambda n: f'rcpt = "user{n}@*"',
    "globs of a domain": lambda n: f'domain = ["d{n}.test", "*.d{n}.test"]',
    "regular expressions": lambda n: f"rcpt = '~^user{n}\\+(?P<tag>.*)@'",
    "lists with exceptions": lambda n: f'domain = ["*.test", "d{n}.example", "!e{n}.test"]',
    "counted, by recipient": lambda n: f'domain = "d{n}.test"\nkey = "rcpt"\nattempt = "1-2"',
    "all of them count": lambda n: f'key = "domain"\nattempt = "{n + 1}000000-"',
}


def rules(kind: Callable[[int], str]) -> str:
    """Return a script of twenty rules."""
    return "\n".join(f'[[rule]]\nat = "rcpt"\n{kind(n)}\nreply = "450 4.2.1 busy"' for n in range(RULES))


def microseconds(script: str) -> float:
    """Return how long an event takes."""
    engine = Engine(read_script(script, "rules.toml"))
    events = [
        Event(
            stage=Stage.RCPT,
            at=1.0,
            session=1,
            client="192.0.2.1",
            helo="client.example",
            transaction=1,
            reverse_path="news@shop.example",
            rcpt=f"somebody{n}@example.com",
        )
        for n in range(EVENTS)
    ]
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for event in events:
            engine.on(event)
        best = min(best, time.process_time() - began)
    return best / EVENTS * 1e6


if __name__ == "__main__":
    print(f"{'no rules':24}{microseconds(''):8.1f} us")
    for name, kind in KINDS.items():
        print(f"{name:24}{microseconds(rules(kind)):8.1f} us")
