"""Transcripts as text: read. Every error names file, line, what was expected and what was probably meant.

A file is `key = value` lines, then a line for each step; docs/transcripts.md has the whole grammar. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NoReturn, TypeVar

from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.language.span import Duration
from maildrill.fakeserver.language.steps import (
    GOES_ON,
    ClientGoesOn,
    ClientLeaves,
    ClientSays,
    ClientSends,
    Leaving,
    ServerLeaves,
    ServerReads,
    ServerSays,
    ServerShakes,
    ServerTakes,
    Session,
    Step,
    StepError,
    Transcript,
)
from maildrill.fakeserver.text.server_file import read_hostname
from maildrill.fakeserver.text.transcript.octets import read_octets
from maildrill.smtp import ConfigurationError, did_you_mean, escape
from maildrill.smtp.document import parse_document
from maildrill.smtp.quantity import DURATION_WORDS, parse_size

_W = TypeVar("_W", bound=StrEnum)
_VERSION = 1
_SPOKEN = re.compile(r"(?P<who>[SC])(?P<exact>>?):(?: ?(?P<text>.*))")
_HEADER = re.compile(r"[A-Za-z][\w-]*\s*=")
_WAIT = re.compile(r"\s+#\s*\+\s*(?P<wait>[^\s\"][^\"]*)\Z")
_NEW = re.compile(r"\(new connection(?:, (?P<later>.+) later)?\)")
_UNSEEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LINES = (
    "S: and what the server says, C: and what the client says, !cut, !tls, !read, !commit, (new connection), # a remark"
)
_GONE = "(client closes)"
_EVENTS = {
    "(connection closed)": 'write "!cut fin" where the server ends it, "(client closes)" where the client does',
    "(connection reset)": 'write "!cut rst"',
    "(connection refused)": 'write "!cut refuse"',
    "(client closed)": 'write "(client closes)"',
}
#: The words of a rule: a transcript says by the place of the line whether it is before or after a reply.
_CUTS = {"before": "fin", "after": "fin"}
_MID = 'write the half that is said as S>: "250 o", and "!cut fin" below'
#: How other programs mark who speaks.
_FOREIGN = re.compile(r"(?:->|<-|<\*\*|===|~>|<~|>>>|<<<|[<>] |send:|reply:|SERVER ->|CLIENT ->)")


def is_transcript(text: str) -> bool:
    """Whether a text is a transcript rather than TOML: its first line that is neither remark nor setting is a step."""
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped and not stripped.startswith("#") and not _HEADER.match(stripped):
            return _is_step(stripped)
    return False


def is_plain(text: str) -> bool:
    """Whether a text that the server says can be written behind `S:` and is read back as it is."""
    seen = not _UNSEEN.search(text) and not any("\ud800" <= mark <= "\udfff" for mark in text)
    return seen and text == text.rstrip() and not _WAIT.search(text)


def read_transcript(text: str, name: str) -> Transcript:
    """Return the transcript that a text holds; `name` is what errors call the file. Raises ConfigurationError."""
    lines = text.rstrip().split("\n")
    start = _end_of_header(lines)
    settings = _settings("\n".join(lines[:start]), name)
    return replace(settings, sessions=tuple(_sessions(lines, start, name)))


def _end_of_header(lines: list[str]) -> int:
    for n, line in enumerate(lines):
        stripped = line.strip()
        if stripped and not stripped.startswith("#") and not _HEADER.match(stripped):
            return n
    return len(lines)


def _settings(header: str, name: str) -> Transcript:
    top = parse_document(header, name)
    version = top.number("version", _VERSION)
    if version != _VERSION:
        top.fail("version", f"transcript of version {version}", expected=f"version = {_VERSION}")
    settings = Transcript(
        name=name,
        strict=top.flag("strict", default=False),
        repeat=top.flag("repeat", default=False),
        hostname=read_hostname(top, "hostname"),
    )
    top.finish()
    return settings


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file, without blanks at its ends, and where it stands."""

    text: str
    number: int
    name: str

    def fail(self, what: str = "", *, expected: str = "", hint: str = "") -> NoReturn:
        """Raise ConfigurationError at this line; without words it says that the line cannot be read."""
        what = what or f'cannot read "{escape(self.text)}"'
        raise ConfigurationError(what, where=f"{self.name}:{self.number}", expected=expected, hint=hint)


def _sessions(lines: list[str], start: int, name: str) -> Iterator[Session]:
    later: Duration | None = None
    began = _Line("", min(start + 1, len(lines)), name)
    steps: list[Step] = []
    for number, text in enumerate(lines[start:], start + 1):
        line = _Line(text.strip(), number, name)
        if not line.text or line.text.startswith("#"):
            continue
        new = _NEW.fullmatch(line.text)
        if new is None:
            steps.append(_step(line))
            continue
        if steps or number > start + 1:
            yield _session(steps, later, began)
        later = _duration(new["later"], line) if new["later"] else None
        began, steps = line, []
    yield _session(steps, later, began)


def _session(steps: list[Step], later: Duration | None, began: _Line) -> Session:
    try:
        return Session(tuple(steps), later, began.number)
    except StepError as error:
        replace(began, number=error.line).fail(error.what, hint=error.hint)


def _step(line: _Line) -> Step:
    spoken = _SPOKEN.fullmatch(line.text)
    if spoken is None:
        return _event(line)
    exact = bool(spoken["exact"])
    try:
        return (_said if spoken["who"] == "S" else _heard)(spoken["text"], line, exact=exact)
    except ValueError as error:
        if exact:
            line.fail(expected=str(error))
        line.fail(f'cannot read "{escape(line.text)}": {error}')


def _said(text: str, line: _Line, *, exact: bool) -> Step:
    text, wait = _split_wait(text, line)
    if exact:
        return ServerSays(read_octets(text), wait, line.number)
    if _UNSEEN.search(text):
        line.fail(
            "a control character in what the server says", hint=r'write S>: "…" with \xNN for it, and \r\n at its end'
        )
    return ServerSays(text.encode() + b"\r\n", wait, line.number)


def _heard(text: str, line: _Line, *, exact: bool) -> Step:
    if exact:
        return ClientSends(read_octets(text), line.number)
    if text.strip() in GOES_ON:
        return ClientGoesOn(line.number)
    return ClientSays(Pattern(text), line.number)


def _event(line: _Line) -> Step:
    if line.text == _GONE:
        return ClientLeaves(line.number)
    text, wait = _split_wait(line.text, line)
    word, _, rest = text.partition(" ")
    if wait is not None and word != "!cut":
        line.fail("a wait stands behind what the server does", expected="S: …  # +2s, or !cut fin  # +2s")
    read = _DIRECTIVES.get(word)
    if read is None:
        _unknown(line)
    return read(rest.strip(), wait, line)


def _cut(rest: str, wait: Duration | None, line: _Line) -> Step:
    return ServerLeaves(_word(Leaving, _CUTS.get(rest, rest), line), wait, line.number)


def _tls(rest: str, _: Duration | None, line: _Line) -> Step:
    return ServerShakes(_word(Handshake, rest, line) if rest else None, line.number)


def _commit(rest: str, _: Duration | None, line: _Line) -> Step:
    if rest not in ("true", "false"):
        line.fail(expected="!commit true, or !commit false")
    return ServerTakes(rest == "true", line.number)


def _read(rest: str, _: Duration | None, line: _Line) -> Step:
    try:
        size = parse_size(rest)
    except ValueError as error:
        line.fail(expected=str(error))
    if size < 1:
        line.fail(expected="one octet or more")
    return ServerReads(size, line.number)


_DIRECTIVES: dict[str, Callable[[str, Duration | None, _Line], Step]] = {
    "!cut": _cut,
    "!tls": _tls,
    "!read": _read,
    "!commit": _commit,
}
_KNOWN = ("S:", "S>:", "C:", "C>:", *_DIRECTIVES, "(new connection)", _GONE)


def _word(words: type[_W], rest: str, line: _Line) -> _W:
    try:
        return words(rest)
    except ValueError:
        hint = _MID if rest == "mid" else did_you_mean(rest, words)
        line.fail(expected="one of: " + " ".join(words), hint=hint)


def _split_wait(text: str, line: _Line) -> tuple[str, Duration | None]:
    match = _WAIT.search(text)
    if match is None:
        return text, None
    return text[: match.start()], _duration(match["wait"], line)


def _duration(text: str, line: _Line) -> Duration:
    try:
        return Duration(text)
    except ValueError:
        line.fail(
            f'cannot wait "{escape(text)}"',
            expected=DURATION_WORDS,
            hint=r'where "# +" belongs to what is said write S>: "…\r\n"' if line.text.startswith("S") else "",
        )


def _is_step(text: str) -> bool:
    return bool(
        _SPOKEN.fullmatch(text) or _NEW.fullmatch(text) or text == _GONE or text.partition(" ")[0] in _DIRECTIVES
    )


def _unknown(line: _Line) -> NoReturn:
    hint = _EVENTS.get(line.text, "")
    if _HEADER.match(line.text):
        hint = "settings stand above the first line that is said"
    elif _FOREIGN.match(line.text):
        hint = "this looks like the log of another program: maildrill import makes a transcript of it"
    word = line.text if line.text.startswith("(") else line.text.partition(" ")[0]
    line.fail(expected=_LINES, hint=hint or did_you_mean(word, _KNOWN))
