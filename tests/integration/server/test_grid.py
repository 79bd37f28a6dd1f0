"""The grid: every stage by every kind of answer, compared octet for octet, in virtual time and on real sockets.

The client is asyncio's own streams and the octets are written out here: nothing of ours composes a command or reads a
reply, so that a mistake of ours cannot excuse itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from maildrill.fakeserver.language.script_words import REPLYING, Cut, Mangle
from maildrill.smtp import Stage
from maildrill.smtp.stage import SERVED

SAID = b"451 4.7.1 later\r\n"
REPLY = 'reply = "451 4.7.1 later"'
QUIET = 0.03  # seconds without an octet after which nothing more is expected on a real socket


@dataclass(frozen=True)
class Answer:
    """What a rule says, what comes of it as octets, and how the connection is afterwards: open, fin or rst."""

    words: str
    octets: bytes
    end: str = "open"
    least: float = 0.0  # seconds that it takes at least


#: Every kind of answer that a script can give; tests below see that no cut and no mangle is left out.
ANSWERS: dict[str, Answer] = {
    "4yz": Answer(REPLY, SAID),
    "5yz": Answer('reply = "554 5.7.1 no"', b"554 5.7.1 no\r\n"),
    "421": Answer('reply = "421 4.3.2 bye"', b"421 4.3.2 bye\r\n", "fin"),
    "421 that stays": Answer('reply = "421 4.3.2 bye"\ncut = "never"', b"421 4.3.2 bye\r\n"),
    "several lines": Answer(r'reply = "451 4.7.1 one\ntwo"', b"451-4.7.1 one\r\n451 4.7.1 two\r\n"),
    "a field": Answer('reply = "451 4.7.1 {hostname}"', b"451 4.7.1 mx.test\r\n"),
    "the first of several": Answer('replies = ["451 4.7.1 later", "554 5.7.1 no"]', SAID),
    "wait": Answer(f'{REPLY}\nwait = "60ms"', SAID, least=0.06),
    "drip": Answer(f'{REPLY}\ndrip = "4B/5ms"', SAID, least=0.02),
    "tease": Answer(f'{REPLY}\ntease = "20ms x 2"', b"451-4.7.1 later\r\n" * 2 + SAID, least=0.04),
    "raw": Answer(r"raw = '\x00\xff 250 what\r\n\n'", b"\x00\xff 250 what\r\n\n"),
    "raw, then cut": Answer(r"raw = '\x16\x03\x01'" + '\ncut = "after"', b"\x16\x03\x01", "fin"),
    "cut before": Answer('cut = "before"', b"", "fin"),
    "cut after": Answer(f'{REPLY}\ncut = "after"', SAID, "fin"),
    "cut mid": Answer(f'{REPLY}\ncut = "mid"', b"451 4.7.", "fin"),
    "cut rst": Answer('cut = "rst"', b"", "rst"),
    "code-mismatch": Answer(
        r'reply = "451 4.7.1 one\ntwo"' + '\nmangle = "code-mismatch"', b"250-4.7.1 one\r\n451 4.7.1 two\r\n"
    ),
    "no-code": Answer(f'{REPLY}\nmangle = "no-code"', b"4.7.1 later\r\n"),
    "lf": Answer(f'{REPLY}\nmangle = "lf"', b"451 4.7.1 later\n"),
    "cr": Answer(f'{REPLY}\nmangle = "cr"', b"451 4.7.1 later\r"),
    "no-eol": Answer(f'{REPLY}\nmangle = "no-eol"', b"451 4.7.1 later"),
    "split": Answer(f'{REPLY}\nmangle = "split"', SAID),
    "long": Answer(f'{REPLY}\nmangle = "long"', b"451 4.7.1 later" + b"x" * 10_000 + b"\r\n"),
    "nul": Answer(f'{REPLY}\nmangle = "nul"', b"451 4.7.1 late\0r\r\n"),
    "empty": Answer(f'{REPLY}\nmangle = "empty"', b"\r\n" + SAID),
    "extra": Answer(f'{REPLY}\nmangle = "extra"', SAID * 2),
    "a mangled drip, then cut": Answer(
        f'{REPLY}\nmangle = "lf"\ndrip = "8B/5ms"\ncut = "after"', b"451 4.7.1 later\n", "fin"
    ),
    "half a tease": Answer(f'{REPLY}\ntease = "10ms x 1"\ncut = "mid"', b"451-4.7.1 later\r\n451 4.7.", "fin"),
}

MAIL = b"MAIL FROM:<news@shop.test>\r\n"
RCPT = b"RCPT TO:<ann@x.test>\r\n"
EHLO = b"EHLO client.test\r\n"


@dataclass(frozen=True)
class Way:
    """How a client comes to a stage: exchanges before it, each one reply; then the octets that raise its event."""

    before: tuple[bytes, ...]
    octets: bytes
    words: str = ""
    closes: bool = False  # whether the connection ends behind any answer


WAYS: dict[Stage, Way] = {
    Stage.BANNER: Way((), b""),
    Stage.HELO: Way((b"",), b"HELO client.test\r\n"),
    Stage.EHLO: Way((b"",), EHLO),
    Stage.STARTTLS: Way((b"", EHLO), b"STARTTLS\r\n"),
    Stage.AUTH: Way((b"", EHLO), b"AUTH PLAIN AGFubgBzZXNhbWU=\r\n"),
    Stage.AUTH_STEP: Way((b"", EHLO, b"AUTH LOGIN\r\n"), b"YW5u\r\n"),
    Stage.MAIL: Way((b"", EHLO), MAIL),
    Stage.RCPT: Way((b"", EHLO, MAIL), RCPT),
    Stage.DATA: Way((b"", EHLO, MAIL, RCPT), b"DATA\r\n"),
    Stage.BODY: Way((b"", EHLO, MAIL, RCPT, b"DATA\r\n"), b"Subject: hi\r\n"),
    Stage.DOT: Way((b"", EHLO, MAIL, RCPT, b"DATA\r\n"), b"Subject: hi\r\n\r\n.\r\n"),
    Stage.BDAT: Way((b"", EHLO, MAIL, RCPT), b"BDAT 5 LAST\r\nhello"),
    Stage.RSET: Way((b"", EHLO), b"RSET\r\n"),
    Stage.NOOP: Way((b"", EHLO), b"NOOP\r\n"),
    Stage.VRFY: Way((b"", EHLO), b"VRFY ann@x.test\r\n"),
    Stage.QUIT: Way((b"", EHLO), b"QUIT\r\n", closes=True),
    Stage.IDLE: Way((b"", EHLO), b"", words='age = ">=80ms"\n'),
    Stage.UNKNOWN: Way((b"", EHLO), b"XYZZY\r\n"),
}
#: Nothing can be said there; connections and handshakes have tests of their own.
SPEECHLESS = frozenset({Stage.CONNECT, Stage.TLS})


class Peer:
    """Octets out and in, by asyncio's streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> None:
        self.took = 0.0  # seconds from what was asked to the last octets heard
        self.asked = 0.0
        self._reader = reader
        self._writer = writer
        self._patience = patience

    async def exchange(self, octets: bytes) -> None:
        """Send octets and read one whole reply."""
        self._writer.write(octets)
        while (await self._reader.readline())[3:4] == b"-":
            pass

    async def raise_event(self, octets: bytes, wanted: int) -> tuple[bytes, str]:
        """Send octets; return what comes until nothing more does, and how the connection is then."""
        self._writer.write(octets)
        heard = b""
        try:
            while True:
                # what is wanted may take its time; what is not would come at once
                patience = 5.0 if len(heard) < wanted or not wanted else self._patience
                piece = await asyncio.wait_for(self._reader.read(65536), patience)
                if not piece:
                    return heard, "fin"
                heard += piece
                self.took = asyncio.get_running_loop().time() - self.asked
        except TimeoutError:
            return heard, "open"
        except ConnectionResetError:
            return heard, "rst"
        finally:
            self._writer.transport.abort()


def grid() -> tuple[tuple[Stage, str], ...]:
    """Return every stage with every kind of answer that it can be given."""
    return tuple(
        (stage, kind) for stage, way in WAYS.items() for kind in ANSWERS if not (way.closes and "stays" in kind)
    )


def rule(stage: Stage, kind: str) -> str:
    """Return a script whose one rule gives this answer at this stage."""
    # the first EHLO is on the way to most stages, and the banner comes once
    return (
        '[server]\ntls = true\nauth = ["PLAIN", "LOGIN"]\n'
        f'[[rule]]\nat = "{stage}"\n{WAYS[stage].words}{ANSWERS[kind].words}\n'
    )


async def answered(scene: Any, stage: Stage, kind: str, patience: float) -> tuple[bytes, str, bool]:
    """Come to a stage, and return what is heard there, how it ends, and whether it took as long as it should."""
    way, answer = WAYS[stage], ANSWERS[kind]
    loop = asyncio.get_running_loop()
    called = loop.time()
    peer = Peer(*await asyncio.open_connection(*scene.address), patience)
    for octets in way.before:
        await peer.exchange(octets)
    peer.asked = loop.time() if way.before else called
    heard, end = await peer.raise_event(way.octets, len(answer.octets))
    return heard, end, peer.took >= answer.least


def wanted(stage: Stage, kind: str) -> tuple[bytes, str, bool]:
    """Return what should be heard."""
    answer = ANSWERS[kind]
    return answer.octets, "fin" if WAYS[stage].closes and answer.end == "open" else answer.end, True


@pytest.mark.parametrize(("stage", "kind"), grid(), ids=str)
def test_every_answer_at_every_stage_in_memory(memory: Any, stage: Stage, kind: str) -> None:
    """One cell of the grid in virtual time."""

    async def story(scene: Any) -> tuple[bytes, str, bool]:
        return await answered(scene, stage, kind, 1.0)

    assert memory.play(rule(stage, kind), story) == wanted(stage, kind)


@pytest.mark.parametrize("stage", WAYS, ids=str)
def test_every_answer_at_every_stage_on_tcp(tcp: Any, stage: Stage) -> None:
    """One row of the grid on real sockets, its cells side by side."""
    kinds = [kind for at, kind in grid() if at is stage]

    async def row() -> dict[str, tuple[bytes, str, bool]]:
        found = await asyncio.gather(*(cell(tcp, stage, kind) for kind in kinds))
        return dict(zip(kinds, found, strict=True))

    assert asyncio.run(row()) == {kind: wanted(stage, kind) for kind in kinds}


async def cell(tcp: Any, stage: Stage, kind: str) -> tuple[bytes, str, bool]:
    """Play one cell on real sockets, in a thread: each has a server and a loop of its own."""
    story: Callable[[Any], Awaitable[tuple[bytes, str, bool]]] = lambda scene: answered(scene, stage, kind, QUIET)  # noqa: E731
    return await asyncio.to_thread(tcp.play, rule(stage, kind), story)


def test_the_grid_leaves_nothing_out() -> None:
    """Every stage has a row, and every cut and every mangle a column; `refuse` and `early` have tests of their own."""
    columns = {kind.removeprefix("cut ") for kind in ANSWERS}

    assert set(WAYS) | SPEECHLESS == set(SERVED)
    assert columns >= set(Mangle) - {Mangle.EARLY}
    assert columns | {"never"} >= set(Cut) - {Cut.REFUSE}
    assert set(WAYS) >= REPLYING


@pytest.mark.parametrize("kind", ["4yz", "cut mid", "lf", "extra", "wait"])
def test_the_grid_finds_a_wrong_answer(memory: Any, kind: str) -> None:
    """A cell that plays another answer than it should does not pass."""
    other = "5yz" if kind == "4yz" else "4yz"

    async def story(scene: Any) -> tuple[bytes, str, bool]:
        return await answered(scene, Stage.NOOP, kind, 1.0)

    assert memory.play(rule(Stage.NOOP, other), story) != wanted(Stage.NOOP, kind)
