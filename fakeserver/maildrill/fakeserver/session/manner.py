"""Write a reply in a manner: slowly, behind a tease, mangled; or octets that are no reply at all.

Rule 1: what comes out is pieces, octets with the seconds to wait before them; each must leave by itself.
Rule 2: EARLY is not done here: which reply is said too soon only the session knows. Pure.
"""

from __future__ import annotations

from maildrill.fakeserver.engine.event import PLAINLY, Manner
from maildrill.fakeserver.language.script_words import Mangle
from maildrill.smtp import Reply

#: Octets, and the seconds to wait before they are sent.
Piece = tuple[bytes, float]

#: After these nobody can know the reply: it has no code, or its last line no end.
UNHEARD = frozenset({Mangle.NO_CODE, Mangle.CR, Mangle.NO_EOL})

#: Octets of the text that makes a line long: beyond what clients hold (512, 2,048, 4,096, 8,192 are usual limits).
_PADDING = 10_000
#: Seconds between the octets of a split reply: what leaves at the same instant would arrive in one piece.
_APART = 0.001
_ENDS = {Mangle.LF: b"\n", Mangle.CR: b"\r"}
_CRLF = b"\r\n"
#: The code that contradicts one of this class.
_CONTRARY = {2: b"550", 3: b"550", 4: b"250", 5: b"250"}


def written(reply: Reply, manner: Manner = PLAINLY, *, half: bool = False) -> tuple[Piece, ...]:
    """Return the pieces of a reply; `half`: only half of its octets, behind a whole tease.

    A tease repeats the first line as a continuation line (RFC 5321 section 4.2.1). Raises ValueError as Reply.render.
    """
    octets = reply.render()
    lines = octets.split(_CRLF)[:-1]
    end = _CRLF
    if manner.mangle is not None:
        end = _ENDS.get(manner.mangle, _CRLF)
        octets = _mangled(lines, manner.mangle, end)
    if half:
        octets = octets[: len(octets) // 2]
    if manner.tease is None:
        return dripped(octets, manner)
    seconds, times = manner.tease
    line = lines[0][:3] + b"-" + lines[0][4:] + end
    teased = [(line, seconds)] * times
    return tuple(piece for lot in (*teased, (octets, 0.0)) for piece in dripped(lot[0], manner, after=lot[1]))


def dripped(octets: bytes, manner: Manner = PLAINLY, *, after: float = 0.0) -> tuple[Piece, ...]:
    """Return octets in the pieces of a manner's drip, and of its mangle if that is SPLIT; `after` so many seconds."""
    count, seconds = manner.drip or (max(len(octets), 1), 0.0)
    size = 1 if manner.mangle is Mangle.SPLIT else count
    return tuple(
        (octets[at : at + size], after if at == 0 else _APART if at % count else max(seconds, _APART))
        for at in range(0, len(octets), size)
    )


def _mangled(lines: list[bytes], mangle: Mangle, end: bytes) -> bytes:
    """Return the octets of a reply's lines, each with its end, and with what is wrong with them."""
    if mangle is Mangle.CODE_MISMATCH:
        other = _CONTRARY[lines[0][0] - ord("0")]
        lines = [other + b"-" + line[4:] for line in lines[:-1] or lines] + lines[-1:]
    elif mangle is Mangle.NO_CODE:
        lines = [line[4:] for line in lines]
    elif mangle is Mangle.LONG:
        lines = [*lines[:-1], lines[-1].ljust(4) + b"x" * _PADDING]
    elif mangle is Mangle.NUL:
        lines = [line[:-1] + b"\0" + line[-1:] if len(line) > 4 else line.ljust(4) + b"\0" for line in lines]
    elif mangle is Mangle.EMPTY:
        lines = [b"", *lines]
    elif mangle is Mangle.EXTRA:
        lines = lines * 2
    octets = b"".join(line + end for line in lines)
    return octets.removesuffix(_CRLF) if mangle is Mangle.NO_EOL else octets
