"""Mailpit's chaos triggers: a code and a probability for senders, recipients and authentication.

As JSON of its API, or as `--chaos-triggers` takes them: `Sender:451:20,Recipient:550:5`. Pure.
"""

from __future__ import annotations

import re

from maildrill.fakeserver.importers.source import Source
from maildrill.fakeserver.text.rulebook import Rulebook
from maildrill.smtp import did_you_mean, escape

WORDS = '{"Sender": {"ErrorCode": 451, "Probability": 5}, "Recipient": …, "Authentication": …}'
_FLAG = re.compile(r"\s*([A-Za-z]+):(\d{1,9}):(\d{1,9})\s*", re.ASCII)
#: Each trigger: the stage, the code where none is said, the noun of the text that Mailpit says.
_TRIGGERS = {
    "Sender": ("mail", 451, "sender"),
    "Recipient": ("rcpt", 451, "recipient"),
    "Authentication": ("auth", 535, "authentication"),
}
_SHORT = {
    "sender": "Sender",
    "recipient": "Recipient",
    "recipients": "Recipient",
    "auth": "Authentication",
    "authentication": "Authentication",
}


def detects(text: str) -> bool:
    """Whether a text looks like Mailpit's triggers."""
    return bool(re.search(r'"(?:Sender|Recipient|Authentication)"\s*:\s*\{', text) or _flags(text))


def read_mailpit(text: str, name: str) -> Rulebook:
    """Return the rules; raises ConfigurationError."""
    source = Source(text, name)
    book = Rulebook("from Mailpit's chaos triggers; draws are by hash, so that the same seed gives the same run")
    for trigger, code, probability in _flags(text) or _json(source):
        _add(source, book, trigger, code, probability)
    return book


def _flags(text: str) -> list[tuple[str, int, int]]:
    """Return the triggers of a command line, none where it is no such thing."""
    matches = [
        _FLAG.fullmatch(part) for part in text.strip().removeprefix("--chaos-triggers").strip(" =\"'").split(",")
    ]
    return [(match[1], int(match[2]), int(match[3])) for match in matches if match is not None] if all(matches) else []


def _json(source: Source) -> list[tuple[str, int, int]]:
    top = source.json(WORDS)
    found = []
    for trigger, (_, usual, _) in _TRIGGERS.items():
        if top.has(trigger):
            table = top.table(trigger)
            code = table.number("ErrorCode", usual) or usual
            probability = table.number("Probability", 0)
            table.finish()
            if not 400 <= code <= 599:
                table.fail("ErrorCode", f"ErrorCode is {code}", expected="a code 400..599")
            if probability > 100:
                table.fail("Probability", f"Probability is {probability}", expected="a number from 0 to 100")
            found.append((trigger, code, probability))
    top.finish()
    return found


def _add(source: Source, book: Rulebook, trigger: str, code: int, probability: int) -> None:
    key = _SHORT.get(trigger.lower())
    if key is None:
        source.fail(
            1,
            f'unknown trigger "{escape(trigger)}"',
            expected="one of: " + " ".join(_TRIGGERS),
            hint=did_you_mean(trigger, _TRIGGERS),
        )
    if not 400 <= code <= 599 or probability > 100:
        source.fail(1, f"{trigger}:{code}:{probability}", expected="a code 400..599, and a probability 0..100")
    stage, _, noun = _TRIGGERS[key]
    if stage == "auth":
        book.server(auth=["PLAIN", "LOGIN"])
    if probability:
        chance = None if probability == 100 else probability / 100
        book.rule(name=f"mailpit {key}", at=stage, chance=chance, reply=f"{code} Chaos {noun} error")
