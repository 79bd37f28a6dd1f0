"""Logs of clients, told apart and read line by line: who said what. Each format is one function, and one table.

Arrows lie: the direction is taken from the format, never from how an arrow looks. Pure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator

from maildrill.fakeserver.importers.dialogue import Spoken, Who
from maildrill.smtp import decode

Lines = Iterable[tuple[int, str]]
Reader = Callable[[Lines], Iterator[Spoken]]

_SWAKS = re.compile(r"<(?:-|~|\*\*|~\*) {1,2}(?P<server>.*)| (?:-|~)> (?P<client>.*)")
_OURS = re.compile(r"\d{4}-\d\d-\d\dT\S+Z (?:#(?P<session>\d+) )?(?P<mark> ->|<- |<\*\*|===)(?: (?P<text>.*))?")
_OURS_DROPPED = re.compile(r".*: (?:connection dropped|the connection is gone)|connection ends: (?:fin|rst)")
_OURS_BEGUN = re.compile(r"connecting to .*|session \d+: .* connects")
_MAXBULK = re.compile(r"\s*(Server|Client):\s*", re.IGNORECASE)
_SMTPLIB = re.compile(r"(?:\d\d:\d\d:\d\d\.\d+ )?(?P<what>connect|send|reply): (?P<text>.*)")
_CURL = re.compile(r"(?P<mark>[<>*]) (?P<text>.*)")
_LABEL = re.compile(
    r"(?:.*?[\s\]\t])?(?:(?P<server>S|Server|SERVER -> CLIENT)|(?P<client>C|Client|CLIENT -> SERVER)): ?(?P<text>.*)"
)
_CONTINUED = re.compile(r"\s*(\d{3}[ -].*)")
_REPLY = re.compile(r"[2-5]\d\d(?:[ -].*)?")
# No more than there are characters, and no halves of one.
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u(?!d[89a-f])([0-9a-f]{4})|U(00(?:0[0-9a-f]|10)[0-9a-f]{4})|([tnr\\]))")
_NAMED = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


def swaks(lines: Lines) -> Iterator[Spoken]:
    """Read swaks' output."""
    for number, line in lines:
        match = _SWAKS.fullmatch(line)
        if match is not None:
            yield _spoken(number, match)
        elif line.startswith("=== Trying "):
            yield Spoken(number, Who.CONNECTED)
        elif line.startswith("*** Remote host closed"):
            yield Spoken(number, Who.DROPPED)


def connection_log(lines: Lines) -> Iterator[Spoken]:
    """Read a log of ours: connection.log, a session's transcript of the fake server."""
    for number, line in lines:
        match = _OURS.fullmatch(line)
        if match is None:
            continue
        session, text = match["session"] or "", _unescaped(match["text"] or "")
        if match["mark"] == " ->":
            yield Spoken(number, Who.CLIENT, text, session)
        elif match["mark"] != "===":
            yield Spoken(number, Who.SERVER, text, session)
        elif _OURS_BEGUN.fullmatch(text):
            yield Spoken(number, Who.CONNECTED, "", session)
        elif _OURS_DROPPED.fullmatch(text):
            yield Spoken(number, Who.DROPPED, "", session)


def maxbulk(lines: Lines) -> Iterator[Spoken]:
    """Read MaxBulk Mailer's connection log: who speaks stands on a line of its own."""
    who: Who | None = None
    for number, line in lines:
        text = line.strip("|").strip()
        label = _MAXBULK.fullmatch(text)
        if label is not None:
            who = Who.SERVER if label[1].lower() == "server" else Who.CLIENT
        elif text and who is not None:
            yield Spoken(number, who, text)


def smtplib(lines: Lines) -> Iterator[Spoken]:
    """Read what Python's smtplib prints with set_debuglevel."""
    for number, line in lines:
        match = _SMTPLIB.fullmatch(line)
        if match is None:
            continue
        if match["what"] == "connect" and not match["text"].startswith("b"):
            yield Spoken(number, Who.CONNECTED)
        elif match["what"] == "send":
            for said in _literal(match["text"]).removesuffix("\r\n").split("\r\n"):
                yield Spoken(number, Who.CLIENT, said)
        elif match["text"] in ("b''", 'b""'):
            yield Spoken(number, Who.DROPPED)
        elif match["what"] == "reply" and match["text"].startswith("b"):
            yield Spoken(number, Who.SERVER, _literal(match["text"]).removesuffix("\n").removesuffix("\r"))


def curl(lines: Lines) -> Iterator[Spoken]:
    """Read what curl prints with -v."""
    for number, line in lines:
        match = _CURL.fullmatch(line)
        if match is None:
            continue
        if match["mark"] == "*":
            if match["text"].startswith("Connected to "):
                yield Spoken(number, Who.CONNECTED)
        else:
            yield Spoken(number, Who.SERVER if match["mark"] == "<" else Who.CLIENT, match["text"])


def labelled(lines: Lines) -> Iterator[Spoken]:
    """Read logs that say before each line whose it is, such as `S:`, `Client:` or `SERVER -> CLIENT:`.

    So do PHPMailer, nodemailer, MailKit and FakeSMTP. What is left of a reply may come without.
    """
    unfinished = False
    for number, line in lines:
        match, more = _LABEL.fullmatch(line), _CONTINUED.fullmatch(line)
        if match is not None:
            who = Who.CLIENT if match["server"] is None else Who.SERVER
            yield Spoken(number, who, match["text"])
            unfinished = who is Who.SERVER and match["text"][3:4] == "-"
        elif more is not None and unfinished:
            yield Spoken(number, Who.SERVER, more[1])
            unfinished = more[1][3:4] == "-"


def telnet(lines: Lines) -> Iterator[Spoken]:
    """Read a session that was typed by hand: what begins with a code the server said, all else the client."""
    begun = False
    for number, line in lines:
        if line.startswith("Trying "):
            begun = False
        elif line.startswith("Connection closed by foreign host"):
            yield Spoken(number, Who.DROPPED)
        elif _REPLY.fullmatch(line):
            begun = True
            yield Spoken(number, Who.SERVER, line)
        elif begun:
            yield Spoken(number, Who.CLIENT, line)


def _spoken(number: int, match: re.Match[str]) -> Spoken:
    if match["server"] is not None:
        return Spoken(number, Who.SERVER, match["server"])
    return Spoken(number, Who.CLIENT, match["client"])


def _literal(text: str) -> str:
    """Return what a literal of Python stands for; nothing where it is none (it was cut off)."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""
    return decode(value if isinstance(value, bytes) else str(value).encode("utf-8", "replace"))


def _unescaped(text: str) -> str:
    """Return what `escape` made safe to show."""
    return _ESCAPED.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3]
    return chr(int(number, 16)) if number else _NAMED[match[4]]
