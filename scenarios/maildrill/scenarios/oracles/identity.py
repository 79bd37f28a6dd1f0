"""Invariants I37, I41, I42, I46 and I49: what was written down before, beside and after the wire, line by line."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import pairwise
from operator import attrgetter
from typing import cast

from maildrill.scenarios.oracles.evidence import BETWEEN_RUNS, FLIGHT, Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.letters import Lot, Reader
from maildrill.scenarios.oracles.retrying import GRAIN
from maildrill.sender.campaign import Mode
from maildrill.sender.summary import Spot
from maildrill.smtp import Stage

_RCPT = "RCPT TO:<"
_SEVERAL = (list, tuple)


def write_ahead(evidence: Evidence) -> Iterator[Breach]:
    """I37: each end of data in the journal has an intent in the log, for the same recipients, from before."""
    evidence = evidence.straight
    written: dict[str, list[float]] = defaultdict(list)
    if "transaction.intent" in evidence.by_kind:
        intended = evidence.by_kind["transaction.intent"]
        for at, (recipients,) in zip(intended.moments, intended.pick("recipients"), strict=True):
            for address in _several(recipients):
                written[address].append(at)
    for address, all_taken in evidence.taken_for.items():
        intents = written[address]
        early = [taken for n, taken in enumerate(all_taken) if n >= len(intents) or intents[n] > taken.at + GRAIN]
        if early:
            ends = sum(taken.recipients.count(address) for taken in evidence.taken)
            found = f"had its final dot sent {ends} times, and {len(intents)} intents were written down before"
            yield Breach(address, f"{found} (session {early[0].session})", early[0].spot)


def single_writer(evidence: Evidence) -> Iterator[Breach]:
    """I41: no two tries of the ledger, and no two transactions of the journal, have one recipient at one time."""
    evidence = evidence.straight
    for recipient, attempts in evidence.attempts_of.items():
        for one, other in pairwise(attempts) if len(attempts) > 1 else ():
            if other.started < one.ended - GRAIN:
                found = f"had two tries at once, in the sessions {one.session} and {other.session}"
                yield Breach(recipient, found, Spot(other.started, other.stage))
    for recipient, asked in evidence.asked_for.items():
        # a server that waits writes down late what it has read, also behind what it has read since
        for ask, later in pairwise(sorted(asked, key=attrgetter("at"))) if len(asked) > 1 else ():
            beside = later.session != ask.session and ask.session not in evidence.severed
            if beside and later.at < _over(evidence, ask.session, ask.transaction) - FLIGHT:
                found = f"was in two transactions at once, in sessions {ask.session} and {later.session}"
                yield Breach(recipient, found, later.spot)


def stable_identity(evidence: Evidence) -> Iterator[Breach]:
    """I42: all octets that the server has for a recipient are the same, and carry the ledger's Message-ID."""
    yield from evidence.letters.found(_identities)


def _identities(evidence: Evidence) -> Reader:
    merge = evidence.campaign.mode is Mode.MERGE
    identities = {one.address: one.message_id for one in evidence.recipients if one.message_id} if merge else {}
    last = {address: all_taken[-1] for address, all_taken in evidence.taken_for.items() if len(all_taken) > 1}
    sent: defaultdict[str, set[tuple[bytes, bool]]] = defaultdict(set)  # which message, and whether it is named well

    def read(lot: Lot) -> Iterator[Breach]:
        for taken, content in zip(lot.taken, lot.contents, strict=True):
            for address in taken.recipients:
                identity = identities.get(address, "")
                carried = identity.encode() in content
                if carried and address not in last:
                    continue  # as with most
                sent[address].add((_hash(content), carried))
                if taken is not last.get(address, taken):
                    continue
                if len(sent[address]) > 1:
                    yield Breach(address, f"was sent {len(sent[address])} messages that differ")
                if not all(carried for _, carried in sent[address]):
                    yield Breach(address, f"was sent a message without its Message-ID {identity}")

    return read


def preview_is_the_wire(evidence: Evidence) -> Iterator[Breach]:
    """I46: the hash that ledger and log foretold, against the hash of what the server has."""
    yield from evidence.letters.found(_hashes)


def _hashes(evidence: Evidence) -> Reader:
    taken_for = evidence.taken_for
    foretold = {record.address: record.body_hash for record in evidence.recipients if record.body_hash}
    told: dict[str, object] = {}  # by the log, where that is something else
    for recipients, hashed in evidence.log.pick("transaction.started", "recipients", "body_hash"):
        for address in _several(recipients):
            if hashed != foretold.get(address):
                told[address] = hashed
            elif told:
                told.pop(address, None)

    def read(lot: Lot) -> Iterator[Breach]:
        for taken, content in zip(lot.taken, lot.contents, strict=True):
            found = _hash(content).hex()
            for address in taken.recipients:
                differs = found != foretold.get(address, found) or found != told.get(address, found)
                if taken is taken_for[address][-1] and differs:
                    yield Breach(address, "was sent a message with another hash than was written down for it")

    return read


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


def each_line_once(evidence: Evidence) -> Iterator[Breach]:
    """I49: number and time of the log's events, numbers of its sessions; RCPT commands against lines of the log."""
    fault, said = _out_of_place(evidence) or _numbered_alike(evidence), _named(evidence)
    if fault:
        yield Breach("", fault)
    tries = Counter([attempt.recipient for attempt in evidence.attempts if attempt.transaction is not None])
    for address, asked in evidence.asked_for.items():
        if len(asked) > said.get(address, 0):
            yield Breach(address, f"was named by {len(asked)} RCPT commands, and the log has {said[address]}")
    for address, count in said.items():
        if count > tries.get(address, 0) + len(evidence.ends):  # one that was broken off with its run leaves no try
            yield Breach(address, f"is named by {count} RCPT lines of the log, in {tries[address]} tries")


def _out_of_place(evidence: Evidence) -> str:
    """Return what is wrong with the order of the log, or nothing."""
    if evidence.log.steady:
        return ""
    for (number, at, _), (following, later, kind) in pairwise(evidence.log.order()):
        back = later < at - GRAIN and kind not in BETWEEN_RUNS
        if back or following != number + 1:
            return f"event {following} of the log does not come after event {number}"
    return ""


def _numbered_alike(evidence: Evidence) -> str:
    """Return which two sessions of a run have one number, or nothing: nobody could tell whose lines are whose."""
    seen: set[tuple[int, object]] = set()
    starts = [event.number for event in evidence.by_kind.get("run.started", ())]
    for kind in ("session.opened", "session.refused"):
        if kind not in evidence.by_kind:
            continue
        begun = evidence.by_kind[kind]
        for number, (session,) in zip(begun.numbers, begun.pick("session"), strict=True):
            own = (bisect_right(starts, number), session)
            if own in seen:
                return f"event {number} of the log begins a second session with the number {session}"
            seen.add(own)
    return ""


def _named(evidence: Evidence) -> Counter[str]:
    """Return how often each address stands in an RCPT that was said, by the log."""
    said = [text for mark, text in evidence.log.pick("line", "mark", "text") if mark == "->" and text.startswith(_RCPT)]
    return Counter([text[len(_RCPT) :].partition(">")[0] for text in said])


def _several(recipients: object) -> Iterable[str]:
    return cast("Iterable[str]", recipients) if isinstance(recipients, _SEVERAL) else ()


def _over(evidence: Evidence, session: int, transaction: int) -> float:
    """When a transaction was over, by the server's clock: its last command, its dot included."""
    inside = evidence.transactions[session, transaction]
    return max(one.at for one in inside if one.stage is not Stage.QUIT)


IDENTITY = (
    Invariant(
        37,
        "write-ahead",
        "No final dot leaves before the intent to send it is written down for good.",
        "RFC 1047",
        write_ahead,
        (Witness.JOURNAL, Witness.LOG),
    ),
    Invariant(
        41,
        "single writer",
        "A recipient is in one try at a time, however many processes share the campaign.",
        "maildrill",
        single_writer,
        (Witness.LEDGER, Witness.JOURNAL),
    ),
    Invariant(
        42,
        "stable identity",
        "Message-ID and octets of a recipient's message are the same in all attempts.",
        "RFC 5322 section 3.6.4",
        stable_identity,
        (Witness.JOURNAL, Witness.LEDGER),
        _identities,
    ),
    Invariant(
        46,
        "preview is the wire",
        "The message that was foretold for a recipient, by its hash, is the one that arrives.",
        "maildrill",
        preview_is_the_wire,
        (Witness.LEDGER, Witness.LOG, Witness.JOURNAL),
        _hashes,
    ),
    Invariant(
        49,
        "each line once",
        "The log has each line of the wire once, in order, by the number of its session, and its time never goes back.",
        "maildrill",
        each_line_once,
        (Witness.LOG, Witness.JOURNAL, Witness.LEDGER),
    ),
)
