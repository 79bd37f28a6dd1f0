"""The options of Postfix' smtp-sink: which commands it refuses, drops, delays, and what it does not offer. Pure."""

from __future__ import annotations

import getopt
import re
import shlex

from maildrill.fakeserver.importers.source import Source
from maildrill.fakeserver.text.rulebook import Rulebook, literal
from maildrill.smtp import did_you_mean, escape
from maildrill.smtp.quantity import format_duration

_OPTIONS = "468aA:b:B:cCd:D:eEf:Fh:H:Lm:M:n:NpPq:Q:r:R:s:S:t:T:u:vw:W:"
_COMMANDS = {
    "CONNECT": "banner",
    "HELO": "helo",
    "EHLO": "ehlo",
    "LHLO": "ehlo",
    "MAIL": "mail",
    "RCPT": "rcpt",
    "VRFY": "vrfy",
    "DATA": "data",
    ".": "dot",
    "RSET": "rset",
    "NOOP": "noop",
    "QUIT": "quit",
    "AUTH": "auth",
    "STARTTLS": "starttls",
    "XCLIENT": "unknown",
    "XFORWARD": "unknown",
}
_ABORT = "550 5.3.0 Error: command failed"
_ROLLS = 4  # of the dice: the fifth is as good as never there for most odds
_HIDDEN = {"8": "8BITMIME", "a": "AUTH", "E": "ENHANCEDSTATUSCODES", "N": "DSN", "p": "PIPELINING"}
#: What is about the program, or is so here already: no rule says it.
_IGNORED = {
    "4": "listens where you say",
    "6": "listens where you say",
    "c": "the summary counts",
    "C": "there is no XCLIENT",
    "d": "messages are in the journal",
    "D": "messages are in the journal",
    "F": "there is no XFORWARD",
    "L": "use maildrill serve --lmtp",
    "m": "use limits.connections, or a rule at banner with open",
    "M": "use maildrill serve --exit-after",
    "n": "use maildrill serve --exit-after",
    "R": "nothing is written",
    "s": "every command is logged",
    "S": "messages are in the journal",
    "u": "run it as that user",
    "v": "every command is logged",
}


def detects(text: str) -> bool:
    """Whether a text looks like a command line of smtp-sink."""
    return bool(re.match(r"\s*(?:\$ )?(?:\S*/)?smtp-sink\b", text))


def read_smtp_sink(text: str, name: str) -> Rulebook:
    """Return the rules; raises ConfigurationError."""
    source = Source(text, name)
    try:
        words = shlex.split(text.replace("\\\n", " ").removeprefix("$ "), comments=True)
        options, _ = getopt.getopt(words[1:] if words and words[0].endswith("smtp-sink") else words, _OPTIONS)
    except (getopt.GetoptError, ValueError) as error:
        source.fail(
            1,
            f"cannot read the command line: {escape(str(error))}",
            expected="smtp-sink -f RCPT -w 5 … host:port backlog",
        )
    sink = _Sink(source, {option[1]: value for option, value in options})
    sink.add_server()
    # What lets a command pass stands first: else an answer would be in its way.
    for option, value in sorted(options, key=lambda one: one[0] not in ("-w", "-W", "-H", "-T")):
        sink.add(option[1], value)
    sink.add_no_esmtp()
    return sink.book


class _Sink:
    """A command line being turned into rules. said: each option with its value."""

    def __init__(self, source: Source, said: dict[str, str]) -> None:
        ignored = (f"left out: -{option}: {why}" for option, why in _IGNORED.items() if option in said)
        self.book = Rulebook("from the options of Postfix' smtp-sink", *ignored)
        self._source = source
        self._said = said
        self._soft = self._reply("b", "450 4.3.0 Error: command failed")
        self._hard = self._reply("B", "500 5.3.0 Error: command failed")

    def _reply(self, option: str, usual: str) -> str:
        reply = self._said.get(option, usual)
        if not re.match(r"[245]\d\d(?: |$)", reply):
            self._source.fail(1, f'-{option} "{escape(reply)}"', expected=f'a code and a text, such as "{usual}"')
        return literal(reply)

    def add_server(self) -> None:
        """Add what is said of the server as a whole."""
        said = self._said
        self.book.server(hostname=said.get("h"))
        if "t" in said:
            self.book.server(limits={"silence": self._seconds(said["t"], "-t")})
        hidden = [f"-{keyword}" for option, keyword in _HIDDEN.items() if option in said]
        if hidden:
            self.book.rule(name="smtp-sink hides", at="ehlo", caps=hidden, then="pass")

    def add_no_esmtp(self) -> None:
        """Add what -e and -P leave of the greetings: nothing is offered."""
        if "e" in self._said or "P" in self._said:
            banner = "220 " + "*" * 60 if "P" in self._said else "220 {hostname}"
            self.book.rule(name="smtp-sink no ESMTP", at="banner", reply=banner)
            self.book.rule(name="smtp-sink no ESMTP", at="ehlo", reply="250 {hostname}")

    def add(self, option: str, value: str) -> None:
        """Add what one option does to commands."""
        said = f"-{option} {value}"
        match option:
            case "f" | "r" | "q" | "Q":
                for command in re.split(r"[,\s]+", value.strip()):
                    self._refuse(option, *self._command(command, said))
            case "W":
                self._delay(value)
            case "w":
                self.book.rule(name=f"smtp-sink {said}", at="data", wait=self._seconds(value, "-w"), then="pass")
            case "T":
                self._take_little(value)
            case "H":
                self.book.rule(name=f"smtp-sink {said}", at="body", wait=self._seconds(value, "-H"), then="pass")
            case "A":
                self.book.rule(
                    name=f"smtp-sink {said}", at="body", wait=self._seconds(value, "-A"), reply=_ABORT, cut="after"
                )
            case _:
                pass  # said already

    def _refuse(self, option: str, name: str, words: dict[str, str]) -> None:
        name = f"smtp-sink -{option} {name}"
        match option:
            case "f":
                self.book.rule(name=name, **words, reply=self._hard)
            case "r":
                self.book.rule(name=name, **words, reply=self._soft)
            case "q":
                self.book.rule(name=name, **words, cut="before")
            case _:
                self.book.rule(name=name, **words, reply="421 4.3.0 closing connection")

    def _take_little(self, window: str) -> None:
        """Add `-T`: what a client sends beyond the window waits until what is in it has been read."""
        if not window.isascii() or not window.isdigit() or int(window) < 1:
            self._source.fail(1, f'-T "{escape(window)}"', expected="a number of octets")
        self.book.rule(
            "a window of so many octets",
            name=f"smtp-sink -T {window}",
            at="body",
            sip=f"{int(window)}B/1ms",
            then="pass",
        )

    def _delay(self, value: str) -> None:
        """Add `-W command:delay[:odds]`: the dice that makes it longer is one more wait, with a chance of its own."""
        command, delay, odds = (*value.split(":"), "", "")[:3]
        (_, words), wait = self._command(command, f"-W {value}"), self._seconds(delay, f"-W {value}")
        self.book.rule(name=f"smtp-sink -W {value}", **words, wait=wait, then="pass")
        if odds:
            if not odds.isascii() or not odds.isdigit() or not 1 <= int(odds) <= 99:
                self._source.fail(1, f"-W {escape(value)}", expected="odds from 1 to 99")
            for rolls in range(1, _ROLLS):
                chance = round((int(odds) / 100) ** rolls, 4)
                self.book.rule(
                    "and once more", name=f"smtp-sink -W {value}", **words, chance=chance, wait=wait, then="pass"
                )

    def _command(self, command: str, said: str) -> tuple[str, dict[str, str]]:
        """Return what a command is called in the name of a rule, and the words that say where it is given."""
        stage = _COMMANDS.get(command.upper())
        if stage is None:
            known = " ".join(_COMMANDS)
            hint = did_you_mean(command, _COMMANDS)
            self._source.fail(
                1, f'{escape(said)}: unknown command "{escape(command)}"', expected=f"one of: {known}", hint=hint
            )
        if stage == "unknown":  # one of those that are not spoken here
            return command.lower(), {"at": stage, "command": f"{command.upper()}*"}
        return stage, {"at": stage}

    def _seconds(self, text: str, said: str) -> str:
        if not text.isascii() or not text.isdigit():
            self._source.fail(1, f'{escape(said)}: "{escape(text)}"', expected="whole seconds")
        return format_duration(int(text))
