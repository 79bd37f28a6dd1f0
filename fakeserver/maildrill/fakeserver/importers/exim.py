r"""Scripts of the server in Exim's test suite: lines that are sent, lines that must come, several connections.

Digits or `>` send, `>>` without an end, `>CR>` and `>LF>` with half of one, `<<` and `\xNN` octets, `*sleep`, `*data`,
`*eof`, `>*eof`, `*starttls`, `.`; anything else is how a line begins that must come. Pure.
"""

from __future__ import annotations

import re

from maildrill.fakeserver.importers.source import Source
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.span import Duration
from maildrill.fakeserver.language.steps import (
    ClientLeaves,
    ClientSays,
    ClientSends,
    Leaving,
    ServerLeaves,
    ServerReads,
    ServerSays,
    ServerShakes,
    Session,
    Step,
    Transcript,
)
from maildrill.smtp import escape

WORDS = "220 ready / EHLO / 250 ok / *eof"
_ENDS = {">": b"", "CR>": b"\r", "LF>": b"\n"}
_SERVER = re.compile(r"server\s.*")
_END = "****"


def detects(text: str) -> bool:
    """Whether a text looks like a script: a line that is sent, without a mark, and one of the words with a star."""
    return bool(
        re.search(
            r"^(?:server\s|\*{4}$|>?\*eof\b|\*(?:sleep|data) \d|\*starttls|>(?:>|CR>|LF>)|<<)", text, re.MULTILINE
        )
    )


def read_exim(text: str, name: str) -> Transcript:
    """Return the transcript, which is strict; raises ConfigurationError."""
    script = _Script(Source(text, name))
    lines = list(script.source.lines)
    begin = next((n for n, (_, line) in enumerate(lines, 1) if _SERVER.fullmatch(line)), 0)
    for number, line in lines[begin:]:
        if line == _END:
            break
        script.add(number, line)
    return script.finish()


class _Script:
    """A script being turned into sessions."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._sessions: list[Session] = []
        self._steps: list[Step] = []
        self._slept = 0
        self._blank = 0  # lines without a word that were not needed so far

    def add(self, number: int, line: str) -> None:
        """Add a line of the script."""
        if not line:
            self._blank = number
            return
        if self._blank:
            self._steps.append(ClientSays(Pattern("*"), self._blank))
            self._blank = 0
        if line[0] == ">":
            self._send(number, line[1:])
        elif line[0].isascii() and line[0].isdigit():
            self._say(number, line.encode() + b"\r\n")
        elif line[0] == "*":
            self._star(number, line)
        else:
            self._steps.append(self._expected(number, line))

    def finish(self) -> Transcript:
        """Return all sessions."""
        if self._steps:
            self._end(1)
        if not self._sessions:
            self.source.fail(1, "nothing happens in this script", expected=WORDS)
        return Transcript(name=self.source.name, sessions=tuple(self._sessions), strict=True)

    def _send(self, number: int, line: str) -> None:
        if line.startswith("*eof"):
            self._steps.append(ServerLeaves(Leaving.FIN, self._wait(), number))
            self._end(number)
            return
        for mark, end in _ENDS.items():
            if line.startswith(mark):
                self._say(number, _octets(line.removeprefix(mark)) + end)
                return
        self._say(number, _octets(line) + b"\r\n")

    def _say(self, number: int, octets: bytes) -> None:
        self._steps.append(ServerSays(octets, self._wait(), number))

    def _star(self, number: int, line: str) -> None:
        word, _, count = line.partition(" ")
        match word:
            case "*eof":
                self._steps.append(ClientLeaves(number))
                self._end(number)
            case "*starttls":
                self._steps.append(ServerShakes(None, number))
            case "*sleep":
                self._slept += self._count(number, line, count)
            case "*data":
                self._steps.append(ServerReads(self._count(number, line, count) or 1, number))
            case _:
                self.source.fail(
                    number, f'cannot read "{escape(line)}"', expected="*sleep N, *data N, *starttls, *eof or >*eof"
                )

    def _expected(self, number: int, line: str) -> Step:
        if line.startswith("<<"):
            return ClientSends(_octets(line[2:]), number)
        begin = line.removeprefix("<").rstrip()
        if begin == ".":
            return ClientSays(Pattern("."), number)
        return ClientSays(Pattern(f"~^{re.escape(begin)}" if begin[:1] in ("~", "!") else f"{begin}*"), number)

    def _count(self, number: int, line: str, count: str) -> int:
        if not re.fullmatch(r"\s*\d{1,9}\s*", count, re.ASCII):
            self.source.fail(number, f'cannot read "{escape(line)}"', expected="a whole number behind it")
        return int(count)

    def _wait(self) -> Duration | None:
        slept, self._slept = self._slept, 0
        return Duration(f"{slept}s") if slept else None

    def _end(self, number: int) -> None:
        self._sessions.append(Session(tuple(self._steps), None, number))
        self._steps = []
        self._slept = 0


def _octets(text: str) -> bytes:
    r"""Return the octets of a text with `\xNN` in it."""
    octets = text.encode()
    return re.sub(rb"\\x([0-9a-fA-F]{2})", lambda found: bytes.fromhex(found[1].decode()), octets)
