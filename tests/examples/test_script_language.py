"""The dialogues of docs/script-language.md and docs/compatibility.md, played in virtual time, byte by byte.

A toml block and the text block behind it are a test; so is a row of a table that has a rule and a dialogue. Lines:
`C: ` the client says, `S: ` the server says (`…`: and what follows), `S>: ` octets as `raw` has them, `(…)` what
happens. What a dialogue leaves out (greeting, EHLO, MAIL, RCPT, DATA) is said for it.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path

import pytest

from maildrill.fakeserver.journal.expectations import unmet
from maildrill.fakeserver.language.octets import Octets
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.script_words import Cut, Handshake, Key, Mangle, Then
from maildrill.fakeserver.language.template import FIELDS
from maildrill.fakeserver.script_loader import load_text
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.session.certificates import certificates_for
from maildrill.fakeserver.text.rule_file import READERS
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.world import World, run_world
from maildrill.smtp.quantity import parse_duration
from maildrill.smtp.stage import SERVED

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "script-language.md").read_text(encoding="utf-8")
COMPATIBILITY = (DOCS / "compatibility.md").read_text(encoding="utf-8")
_PAIR = re.compile(r"^```toml\n(.*?)^```\n+```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| (?P<there>[^|]+) \| (?P<rule>`[^|]+`) \| (?P<dialogue>`[^|]+`) \|$", re.MULTILINE)
ROWS = list(_ROW.finditer(COMPATIBILITY))
EXAMPLES = [*_PAIR.findall(PAGE), *_PAIR.findall(COMPATIBILITY)]
MAIL = "MAIL FROM:<news@shop.example>"
CONTENT = ("Message-ID: <1@shop.example>", "Subject: hello", "", "Hello.")


class Player:
    """A client that says and hears what a dialogue has; an AssertionError says at which line it differs."""

    def __init__(self, server: FakeServer, address: tuple[str, int], world: World) -> None:
        self._server = server
        self._address = address
        self._world = world
        self._hears: asyncio.StreamReader | None = None
        self._says: asyncio.StreamWriter | None = None
        self._asked = 0.0  # when the client spoke last
        self._greeted = self._helo = self._mail = self._rcpt = self._data = False
        self._verb = ""  # what was said last
        self._held = ""  # a line that has been heard already
        self._others: list[asyncio.StreamWriter] = []  # connections that stay open

    async def play(self, dialogue: str) -> None:
        for line in dialogue.splitlines():
            mark, text = line[:3], line[3:]
            if mark in ("C: ", "C:"):
                await self._say(text)
            elif mark == "S>:":
                await self._hear_octets(Octets(text.strip()).octets)
            elif mark == "S: ":
                await self._hear(text)
            elif not line.startswith("(unmet: "):  # looked at when all is over
                if self._hears is None and not line.startswith(("(new", "(connection refused")):
                    await self._connect()
                await self._happen(line.strip("()"))
        self._leave()
        for other in self._others:
            other.close()

    async def _connect(self) -> None:
        self._asked = self._world.clock.now()
        self._hears, self._says = await asyncio.open_connection(*self._address)
        self._greeted = self._helo = self._mail = self._rcpt = self._data = False
        self._verb = ""

    def _leave(self) -> None:
        if self._says is not None:
            self._says.close()
        self._hears = self._says = None

    async def _say(self, text: str) -> None:
        """Say a line, after what a session needs before it."""
        if self._says is None:
            await self._connect()
        if not self._greeted:
            await self._hear("220 …")
        verb = "" if self._data and text != "." else text.partition(" ")[0]
        if verb in ("STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", ".") and not self._helo:
            await self._exchange("EHLO client.example")
        if verb in ("RCPT", "DATA", "BDAT", ".") and not self._mail:
            await self._exchange(MAIL)
        if verb in ("DATA", "BDAT", ".") and not self._rcpt:
            await self._exchange("RCPT TO:<ann@example.com>")
        if verb == "." and not self._data:
            await self._exchange("DATA")
            for line in CONTENT:
                self._write(line)
        self._verb = verb
        self._asked = self._world.clock.now()
        self._write(text)

    async def _exchange(self, command: str) -> None:
        """Say a command that the dialogue left out: it must go well."""
        self._verb = command.partition(" ")[0]
        self._write(command)
        reply = await self._line()
        while reply[3:4] == "-":
            reply = await self._line()

        assert reply[:1] in ("2", "3"), f"{command} was answered {reply}"

    def _write(self, text: str) -> None:
        assert self._says is not None

        self._says.write(text.encode() + b"\r\n")

    async def _hear(self, wanted: str) -> None:
        if self._hears is None:
            await self._connect()
        heard = self._held or await self._line()
        self._held = ""

        assert heard.startswith(wanted[:-1]) if wanted.endswith("…") else heard == wanted, f"{wanted!r} is {heard!r}"

    async def _hear_octets(self, wanted: bytes) -> None:
        assert self._hears is not None

        heard = await self._hears.read(10_000)
        while len(heard) < len(wanted) and not self._hears.at_eof():
            heard += await self._hears.read(10_000)

        assert heard == wanted, f"{wanted!r} is {heard!r}"

    async def _line(self) -> str:
        assert self._hears is not None

        line = (await self._hears.readline()).decode().removesuffix("\r\n")
        self._greeted = True
        if line[:1] in ("2", "3") and line[3:4] != "-":
            self._helo |= self._verb == "EHLO"
            self._mail = (self._mail or self._verb == "MAIL") and self._verb not in ("RSET", ".")
            self._rcpt = (self._rcpt or self._verb == "RCPT") and self._verb not in ("RSET", ".")
            self._data = self._verb == "DATA"
        elif self._verb == ".":
            self._mail = self._rcpt = self._data = False
        return line

    async def _happen(self, what: str) -> None:
        if what == "another connection":
            assert self._says is not None
            self._others.append(self._says)
            self._hears = self._says = None
        elif what.startswith("TLS"):
            await self._shake_hands(what.partition(": ")[2])
        elif what.startswith("new connection"):
            self._leave()
            if what.endswith("later"):
                await self._world.clock.sleep(parse_duration(what.split(", ")[1].removesuffix(" later")))
        elif what == "connection refused":
            with pytest.raises(ConnectionRefusedError):
                await self._connect()
        elif what == "connection reset":
            with pytest.raises(ConnectionResetError):
                await self._line()
        elif what == "connection closed":
            line = await self._line()
            assert line == "", f"{line!r} is heard on an open connection"
        elif what.startswith("injected: "):
            injected = [f"{one.kind} for {one.rcpt}" for one in self._server.journal.injected]
            assert injected[-1:] == [what.removeprefix("injected: ")], f"what is injected is {injected}"
        elif what.startswith("after"):
            await self._after(parse_duration(what.removeprefix("after ")))
        else:
            taken = self._server.journal.messages[-1].committed
            assert taken is {"taken": True, "not taken": False}[what], f"the message is taken: {taken}"

    async def _shake_hands(self, fails: str) -> None:
        assert self._says is not None

        hands = self._says.start_tls(certificates_for("mx.test").client_context(), server_hostname="mx.test")
        if fails:
            with pytest.raises(ssl.SSLError, match=fails):
                await hands
        else:
            await hands
            self._helo = False

    async def _after(self, seconds: float) -> None:
        """The next line is heard after so many seconds."""
        line = await self._line()
        took = self._world.clock.now() - self._asked

        assert seconds <= took < seconds + 1, f"{line!r} is heard after {took} s"

        self._held = line


def perform(script: Script, dialogue: str) -> None:
    """Play a dialogue in a world of its own."""

    async def main(world: World) -> None:
        server = FakeServer(script, clock=world.clock)
        player = Player(server, await server.start(), world)
        await player.play(dialogue)
        await server.stop()
        told = [finding.what for finding in unmet(script.expectations, server.journal)]
        wanted = [line[len("(unmet: ") : -1] for line in dialogue.splitlines() if line.startswith("(unmet: ")]
        same = [line.removesuffix("…") for line in wanted]
        assert [line[: len(words)] for line, words in zip(told, same, strict=False)] == same, f"what is told is {told}"
        assert len(told) == len(wanted), f"what is told is {told}"

    run_world(main)


@pytest.mark.parametrize(("script", "dialogue"), EXAMPLES, ids=lambda text: text.splitlines()[-1])
def test_a_dialogue_goes_as_the_page_says(script: str, dialogue: str) -> None:
    """Octets on a wire, in the order of the page, at the times that it says."""
    perform(load_text(script, "page.toml"), dialogue)


def in_row(row: re.Match[str]) -> tuple[str, str]:
    """Return the script and the dialogue of a row: each word, each line is a piece of code of its own."""
    words, lines = (re.findall(r"`([^`]+)`", row[cell]) for cell in ("rule", "dialogue"))
    top = [word for word in words if word.startswith("server.")]
    return "\n".join([*top, "[[rule]]", *(word for word in words if word not in top)]), "\n".join(lines)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["there"])
def test_what_a_peer_can_inject_is_one_rule(row: re.Match[str]) -> None:
    """The rule of a row does on the wire what the row says."""
    script, dialogue = in_row(row)

    perform(load_text(script, "row.toml"), dialogue)


def test_every_row_of_the_compatibility_page_is_a_test() -> None:
    """Each has what is said there, a rule, and what a client sees."""
    rows = [line for line in COMPATIBILITY.splitlines() if line.count("|") == 4 and "---" not in line]
    heads = [line for line in rows if line == "| There | The rule here | What a client sees |"]

    assert len(rows) - len(heads) == len(ROWS) > 80


@pytest.mark.parametrize(
    "dialogue",
    [
        "C: RCPT TO:<ann@example.com>\nS: 250 …",
        "C: RCPT TO:<ann@example.com>\nS: 450 4.2.1 n",
        "C: RCPT TO:<bob@example.com>\n(connection closed)",
        "C: RCPT TO:<bob@example.com>\n(connection reset)",
        "C: RCPT TO:<bob@example.com>\n(after 2s)\nS: 250 …",
        "(connection refused)",
        "C: .\nS: 250 …\n(not taken)",
        "C: .\nS: 250 …\n(injected: dsn for news@shop.example)",
        "C: MAIL FROM:<x@x.example>\nS: 450 …",
        "C: NOOP\nS: 250 …\n(unmet: page.toml:1: expected sessions = 1, and there were 2)",
    ],
)
def test_a_dialogue_that_is_wrong_is_found_out(dialogue: str) -> None:
    """Each kind of line can fail."""
    script = read_script('[[rule]]\nat = "rcpt"\nrcpt = "ann@*"\ntimes = 1\nreply = "450 4.2.1 no"', "page.toml")

    with pytest.raises((AssertionError, pytest.fail.Exception), match=r"DID NOT RAISE|is heard|is taken|answered| is "):
        perform(script, dialogue)


@pytest.mark.parametrize("word", [*SERVED, *Key, *Cut, *Mangle, *Handshake, *(f"{{{field}}}" for field in FIELDS)])
def test_every_word_is_on_the_page(word: str) -> None:
    """The page leaves nothing out that a script may say."""
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize(
    "word", [*sorted(READERS.keys() - {"reverse_path", "header", "param"}), "from", "header.NAME", "param.NAME"]
)
def test_every_word_of_a_rule_is_in_the_table(word: str) -> None:
    """With what may stand behind it."""
    assert re.search(rf"^\|[ \w]*\| `{re.escape(word)}` \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("word", Then)
def test_every_word_that_follows_then_has_an_example(word: str) -> None:
    """`cycle` and `pass`."""
    assert f'then = "{word}"' in PAGE
