"""Invariants I26, I27, I33 and I34: which commands may be said, with what, and to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter

from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.grouping import grouped
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.journaled import Asked
from maildrill.scenarios.oracles.letters import Lot, Reader
from maildrill.sender.attempt import Verdict
from maildrill.smtp import Stage, escape

_HELLO = frozenset({Stage.EHLO, Stage.HELO})
#: What a transaction is over with; a reply before the end of a message is the only one that this gets.
_ENDS = frozenset({*_HELLO, Stage.RSET, Stage.BODY, Stage.DOT, Stage.BDAT, Stage.STARTTLS})
_NEEDS_MAIL = frozenset({Stage.RCPT, Stage.DATA, Stage.BDAT})
_SIDE = frozenset({Stage.RSET, Stage.NOOP, Stage.QUIT, Stage.VRFY})
_NOTHING = frozenset[str]()

#: Which keyword of EHLO lets a command or a parameter be used (RFC 1870, 3030, 3207, 3461, 4954, 6152, 6531, 8689).
_COMMANDS = {Stage.STARTTLS: "STARTTLS", Stage.AUTH: "AUTH", Stage.BDAT: "CHUNKING"}
_PARAMETERS = {
    "SIZE": "SIZE",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "RET": "DSN",
    "ENVID": "DSN",
    "NOTIFY": "DSN",
    "ORCPT": "DSN",
    "AUTH": "AUTH",
    "REQUIRETLS": "REQUIRETLS",
}

#: Header fields that a campaign's message may have, each of them once.
_FIELDS = frozenset(
    b"from sender reply-to to subject date message-id mime-version content-type content-transfer-encoding"
    b" content-disposition content-language list-id list-unsubscribe list-unsubscribe-post precedence"
    b" auto-submitted feedback-id".split()
)


def command_order(evidence: Evidence) -> Iterator[Breach]:
    """I26: walk through each of the journal's sessions by the grammar."""
    for session, asked in evidence.by_session.items():
        fault = _first_fault(asked)
        if fault is not None:
            yield Breach("", f"session {session}: {fault[0]}", fault[1].spot)


def only_what_was_offered(evidence: Evidence) -> Iterator[Breach]:
    """I27: set commands and parameters against the latest reply to EHLO, all by the journal."""
    for session, asked in evidence.by_session.items():
        offered: frozenset[str] | None = None
        well = _NOTHING  # the parameters of a command before, which might be used
        for one in [one for one in asked if one.parameters or one.stage in _HELLO or one.stage in _COMMANDS]:
            if one.stage in _HELLO:
                offered, well = _offered(one), _NOTHING
            elif offered is not None and (one.parameters != well or one.stage in _COMMANDS):
                wanted = {_PARAMETERS.get(name, name) for name in one.parameters}
                wanted |= {_COMMANDS[one.stage]} if one.stage in _COMMANDS else set()
                for word in sorted(wanted - offered):
                    found = f"session {session} used {word} at {one.stage}, which was not offered"
                    yield Breach(one.recipient, found, one.spot)
                well = one.parameters if wanted <= offered else well


def no_injection(evidence: Evidence) -> Iterator[Breach]:
    """I33: RCPT names whom the list names, and no header has more fields than a campaign has."""
    imported = set(evidence.imported)
    for address in evidence.asked_for:
        if address not in imported:
            asked = evidence.asked_for[address][0]
            yield Breach(address, "was named by RCPT, and the list does not have it", asked.spot)
    yield from evidence.letters.found(_heads)


def _heads(_: Evidence) -> Reader:
    seen: set[bytes] = set()
    well: dict[int, list[bytes]] = {}  # what so many lines that are well begin with; most messages have the same

    def read(lot: Lot) -> Iterator[Breach]:
        for taken, content in zip(lot.taken, lot.contents, strict=True):
            head = content.partition(b"\r\n\r\n")[0]
            lines = head.split(b"\r\n")
            if len(lines) in well and all(map(bytes.startswith, lines, well[len(lines)])):
                continue
            written = [line.partition(b":")[0] for line in lines if line and line[0] not in b" \t"]
            names = [name.lower() for name in written]
            more = [name for n, name in enumerate(names) if name not in _FIELDS or name in names[:n]]
            begun = [line[:1] if line[:1] in {b" ", b"\t"} else line[: line.find(b":") + 1] for line in lines]
            if not more and all(begun):
                well[len(lines)] = begun
            if more and head not in seen:
                seen.add(head)
                said = escape(more[0].decode("latin-1"))
                yield Breach(next(iter(taken.recipients), ""), f'has a header field that nobody wrote: "{said}"')

    return read


def side_shows(evidence: Evidence) -> Iterator[Breach]:
    """I34: no try in the ledger was decided by what was said to RSET, NOOP or QUIT, as the journal has it."""
    for attempt in evidence.attempts:
        if attempt.stage in _SIDE and attempt.verdict not in (Verdict.RELEASED, Verdict.HELD):
            yield Breach(attempt.recipient, f"is {attempt.verdict} by the reply to {attempt.stage}")
    said = [one for stage in _SIDE for one in evidence.by_stage.get(stage, ())]
    refused = grouped((one for one in said if one.reply is not None and one.reply.klass > 3), attrgetter("session"))
    for session in sorted(refused):
        beside = {one.reply for one in refused[session]}
        for one in evidence.by_session[session]:
            tried = evidence.tried_at(one.recipient, one.at) if one.stage is Stage.RCPT else None
            if tried is None or tried.reply not in beside:
                continue
            inside = evidence.transactions.get((one.session, one.transaction), ())
            if all(said.reply != tried.reply or said.stage in _SIDE for said in inside):
                yield Breach(one.recipient, f"is {tried.verdict} by a reply that was none to its message")


def _first_fault(asked: Sequence[Asked]) -> tuple[str, Asked] | None:
    """Return what is against the grammar in a session (RFC 5321 section 4.1.4), and the command, if there is one."""
    greeted = begun = opened = named = False  # begun: MAIL was said; opened: and accepted; named: and RCPT behind it
    last, mail, rcpt = Stage.BANNER, Stage.MAIL, Stage.RCPT
    for one in asked:
        stage = one.stage
        if stage in _HELLO:
            greeted = True
        elif stage is mail:
            if not greeted:
                return "MAIL before EHLO", one
            if opened:
                return "MAIL in the middle of a transaction", one
            begun, named = True, False
            opened = one.reply is not None and one.reply.positive
        elif stage in _NEEDS_MAIL:
            if not begun and (last, stage) != (Stage.BODY, Stage.BDAT):  # refused within the chunk, noted after it
                return f"{stage} without MAIL", one
            if begun and stage is not rcpt and not named:
                return f"{stage} without RCPT", one
            named = True
        if stage in _ENDS and one.whole:
            begun = opened = named = False
        last = stage
    return None


def _offered(one: Asked) -> frozenset[str] | None:
    """Return the keywords of a reply to EHLO; None where nobody knows what was said."""
    if one.reply is None:
        return None
    if one.stage is Stage.HELO or not one.reply.positive:
        return frozenset()
    words = {line.replace("=", " ").split()[0].upper() for line in one.reply.lines[1:] if line.strip(" =")}
    return frozenset(words | ({"8BITMIME"} if "BINARYMIME" in words else set()))


GRAMMAR = (
    Invariant(
        26,
        "command order",
        "Commands come in the order of the grammar; no MAIL while a transaction is open.",
        "RFC 5321 section 4.1.4",
        command_order,
        (Witness.JOURNAL,),
    ),
    Invariant(
        27,
        "only what was offered",
        "No extension is used that the latest reply to EHLO did not offer.",
        "RFC 5321 section 2.2",
        only_what_was_offered,
        (Witness.JOURNAL,),
    ),
    Invariant(
        33,
        "no injection",
        "No value of list or template adds a recipient, a command or a header field; there is never a Bcc field.",
        "RFC 5322 section 3.6",
        no_injection,
        (Witness.JOURNAL, Witness.LIST),
        _heads,
    ),
    Invariant(
        34,
        "side shows",
        "What is said to RSET, NOOP or QUIT decides nobody's message.",
        "RFC 5321 section 4.1.1.5",
        side_shows,
        (Witness.LEDGER,),
    ),
)
