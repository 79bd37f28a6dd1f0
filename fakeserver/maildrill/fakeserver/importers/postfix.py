"""Postfix' log: what hosts replied to deliveries, for each recipient, as rules.

A recipient that got through in the end passes once these replies are used up. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from maildrill.fakeserver.importers.source import Source
from maildrill.fakeserver.text.rulebook import Rulebook, Word, reply_text
from maildrill.fakeserver.text.transcript.acts import Act
from maildrill.fakeserver.text.transcript.rules import add_rules
from maildrill.smtp import Stage, escape

WORDS = (
    "to=<ann@example.com>, … status=deferred (host mx[192.0.2.1] said: 450 4.2.1 busy (in reply to RCPT TO command))"
)
_LINE = re.compile(r"\bto=<(?P<rcpt>[^>]*)>,.*?\bstatus=(?P<status>\w+) \((?P<words>.*)\)\s*$")
_SAID = re.compile(r"(?:host )?\S+ said: (?P<reply>.*) \(in reply to (?P<command>.+?)(?: command)?\)$")
_REFUSED = re.compile(r"(?:host )?\S+ refused to talk to me: (?P<reply>.*)$")
_LOST = re.compile(r"(?P<how>lost connection|conversation) with \S+(?: timed out)? while (?P<doing>.+?)(?: --.*)?$")
_REJECTED = re.compile(
    r"\breject: (?P<command>\S+) from \S+: (?P<reply>[45]\d\d .*?); from=<[^>]*>(?: to=<(?P<rcpt>[^>]*)>)?.*"
)
_COMMANDS = {
    "HELO": "helo",
    "EHLO": "ehlo",
    "STARTTLS": "starttls",
    "MAIL FROM": "mail",
    "RCPT TO": "rcpt",
    "DATA": "data",
    "end of DATA": "dot",
    "CONNECT": "banner",
    "MAIL": "mail",
    "RCPT": "rcpt",
    "END-OF-MESSAGE": "dot",
}
_DOING = {
    "receiving the initial server greeting": "banner",
    "performing the EHLO handshake": "ehlo",
    "performing the HELO handshake": "helo",
    "performing the initial protocol handshake": "ehlo",
    "sending MAIL FROM": "mail",
    "sending RCPT TO": "rcpt",
    "receiving the response to DATA": "data",
    "sending DATA command": "data",
    "sending message body": "body",
    "sending end of data": "dot",
}
#: Where the recipient is known: elsewhere the rule is about all.
_BY_RCPT = (Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT)
_SILENCE = "10m"  # longer than clients wait


def detects(text: str) -> bool:
    """Whether a text looks like Postfix' log."""
    return any(_LINE.search(line) or _REJECTED.search(line) for line in text.splitlines())


def read_postfix(text: str, name: str) -> Rulebook:
    """Return the rules; raises ConfigurationError where there is no delivery in the log."""
    source = Source(text, name)
    acts: list[Act] = []
    sent: set[str] = set()
    found = list(_found(source))
    if not found:
        source.fail(1, "no delivery stands in this log", expected=WORDS)
    for rcpt, act, got_through in found:
        if got_through:
            sent.add(rcpt)
        elif act is not None:
            act.who = {"rcpt": rcpt} if rcpt and act.stage in _BY_RCPT else {}
            acts.append(act)
    book = Rulebook("from Postfix' log: what hosts replied, in order; who got through in the end gets through here")
    add_rules(book, acts, escape(name), passes=lambda act: act.who["rcpt"] in sent if act.who else bool(sent))
    return book


def _found(source: Source) -> Iterator[tuple[str, Act | None, bool]]:
    """Give each delivery or rejection: the recipient, what the host did, and whether the recipient got through."""
    for number, line in source.lines:
        delivery, rejected = _LINE.search(line), _REJECTED.search(line)
        if delivery is not None:
            yield delivery["rcpt"], _act(delivery["words"], number), delivery["status"] == "sent"
        elif rejected is not None:
            yield rejected["rcpt"] or "", _replied(rejected["command"], rejected["reply"], number), False


def _act(words: str, line: int) -> Act | None:
    """Return what a host did by the words of the log; None where it did nothing that a script can say."""
    said = _SAID.fullmatch(words)
    refused = said or _REFUSED.fullmatch(words)
    if refused is not None:
        return _replied("CONNECT" if said is None else said["command"], refused["reply"], line)
    lost = _LOST.fullmatch(words)
    stage = next((stage for doing, stage in _DOING.items() if lost and lost["doing"].startswith(doing)), "")
    if lost is None or not stage:
        return None
    silent: dict[str, Word] = {} if lost["how"] == "lost connection" else {"wait": _SILENCE}
    return Act(Stage(stage), line, words={"cut": "before", **silent})


def _replied(command: str, text: str, line: int) -> Act | None:
    stage, reply = _COMMANDS.get(command, ""), reply_of(text)
    return Act(Stage(stage), line, words={"reply": reply}) if stage and reply else None


def reply_of(text: str) -> str | None:
    """Return how a rule says a reply that a log has on one line, its lines joined by blanks; None where it is none."""
    match = re.match(r"([2-5]\d\d)([ -])", text)
    if match is None:
        return None
    pieces = re.split(rf"\s+(?={match[1]}[ -])", text) if match[2] == "-" else [text]
    return reply_text(int(match[1]), [piece[4:] for piece in pieces])
