"""Invariants I25 and I32: what the wire may carry."""

from __future__ import annotations

from collections.abc import Iterator

from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.letters import Lot, Reader
from maildrill.sender.summary import Spot
from maildrill.smtp import Stage, has_bare_newline


def nothing_after_421(evidence: Evidence) -> Iterator[Breach]:
    """I25: in the sender's dialogue nothing but QUIT follows a 421; in the server's journal no MAIL does."""
    over: dict[object, bool] = {}  # sessions that had their 421, and whether that was to be said of them
    for at, (session, mark, text) in _near_421(evidence):
        if mark == "->":
            if over and over.get(session) is False and text != "QUIT":
                over[session] = True
                yield Breach("", f'session {session} went on after a 421 with "{text}"', Spot(at))
        elif mark == "<**" and text.startswith("421"):
            over.setdefault(session, False)
    closing: dict[int, float] = {}
    mail = Stage.MAIL
    for asked in evidence.asked:
        if asked.stage is mail and asked.session in closing:
            yield Breach("", f"the server's session {asked.session} got a MAIL after its 421", asked.spot)
        if asked.reply is not None and asked.reply.code == 421:
            closing.setdefault(asked.session, asked.at)


def _near_421(evidence: Evidence) -> Iterator[tuple[float, tuple[object, str, str]]]:
    """Yield the lines of the log among which a 421 is, or a session that had its 421 before; maybe others.

    They come as `Evidence.lines` do.
    """
    log = evidence.log
    if len(log.kinds.get("run.started", ())) > 1:
        yield from evidence.lines
        return
    over, begin = set[object](), 0
    for part in log.kinds["line"].parts() if "line" in log.kinds else ():
        if "\x00421" in part.together("text") or not over.isdisjoint(part.different("session")):
            rows = list(part.pick("session", "mark", "text"))
            over.update([session for session, _, text in rows if text.startswith("421")])
            yield from zip(log.kinds["line"].moments[begin : begin + part.count], rows, strict=True)
        begin += part.count


def transparency(evidence: Evidence) -> Iterator[Breach]:
    """I32: the octets that the server has after un-stuffing are the message that was composed."""
    yield from evidence.letters.found(_octets)


def _octets(evidence: Evidence) -> Reader:
    composed = evidence.composed

    def read(lot: Lot) -> Iterator[Breach]:
        for taken, content in zip(lot.taken, lot.contents, strict=True):
            if taken.recipients and content != composed(taken.recipients[0]):
                found = f"session {taken.session} carried other octets than were composed"
                yield Breach(taken.recipients[0], found, taken.spot)
        for taken in lot.having(has_bare_newline):
            yield Breach("", f"session {taken.session} carried a bare CR or LF", taken.spot)

    return read


DIALOGUE = (
    Invariant(
        25,
        "nothing after 421",
        "After a 421 nothing but QUIT is sent in that session, and it is not used again.",
        "RFC 5321 section 3.8",
        nothing_after_421,
        (Witness.LOG, Witness.JOURNAL),
    ),
    Invariant(
        32,
        "transparency",
        "The octets that arrive are the message as it was composed, whatever is in it; never a bare CR or LF.",
        "RFC 5321 sections 2.3.8 and 4.5.2",
        transparency,
        (Witness.JOURNAL, Witness.LIST),
        _octets,
    ),
)
