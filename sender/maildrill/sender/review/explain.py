"""Why one recipient stands where it stands: each try with its dialogue, the row that decided, and what may be done.

Pure. The ledger says what was ruled, the log what was said; where the log is missing the ledger is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from maildrill.sender.attempt import Verdict
from maildrill.sender.classification import OTHER, Category, Classifier
from maildrill.sender.disposition_row import Row
from maildrill.sender.disposition_table import ROWS
from maildrill.sender.ledger.records import AttemptRecord, RecipientRecord, Requeued
from maildrill.sender.log_event import LogEvent
from maildrill.sender.review.located import Located
from maildrill.smtp import Stage

_MOST_COMPARED = 20_000  # addresses that are compared letter by letter
_NEAR = 3

#: What decides where no reply did: a run that died between the dot and its reply.
RECOVERED = "the sender ended between the final dot and its reply: nobody can know (RFC 1047)"


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What was said in one try: its session and transaction, when it was ruled (None: never), the lines in order."""

    session: int
    transaction: int | None
    at: float | None
    lines: tuple[LogEvent, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One try: what the ledger has on it, the row of the table that decided, and what was said."""

    attempt: AttemptRecord
    row: Row | None
    lines: tuple[LogEvent, ...]
    category: Category | None = None  # what the reply is about; it informs, nothing follows from it


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that is known of one recipient."""

    recipient: RecipientRecord
    steps: tuple[Step, ...]
    requeues: tuple[Requeued, ...] = ()
    aside: tuple[LogEvent, ...] = ()  # rows of the list that are the same recipient, and were set aside


def explain(  # noqa: PLR0913 - each witness is named
    recipient: RecipientRecord,
    attempts: Iterable[AttemptRecord],
    dialogues: Sequence[Dialogue],
    *,
    requeues: Iterable[Requeued] = (),
    aside: Iterable[LogEvent] = (),
    classifier: Classifier | None = None,
) -> Explanation:
    """Put together what ledger and log have on one recipient; classifier: says what replies are about."""
    return Explanation(
        recipient=recipient,
        steps=tuple(
            Step(one, ROWS.get(one.row), _said(one, dialogues), _category(one, classifier)) for one in attempts
        ),
        requeues=tuple(one for one in requeues if one.recipient == recipient.address),
        aside=tuple(aside),
    )


def _category(attempt: AttemptRecord, classifier: Classifier | None) -> Category | None:
    """Return what a try's reply or fault is about, None where there is nothing to say."""
    if classifier is None or attempt.verdict is Verdict.DELIVERED:
        return None
    found = classifier.classify(attempt.reply, stage=attempt.stage, fault=attempt.fault, detail=attempt.detail)
    return None if found.category == OTHER else found.category


def dialogues_of(address: str, located: Iterable[Located]) -> Iterator[Dialogue]:
    """Yield the dialogue of each try for `address`, those without an outcome included."""
    setups: dict[int, list[LogEvent]] = {}
    talks: dict[tuple[int, int], list[LogEvent]] = {}
    for one in located:
        event = one.event
        session = event.fields.get("session")
        if event.kind == "run.started":
            yield from _cut_off(talks)
            setups.clear()
        if not isinstance(session, int):
            continue
        if event.kind in ("line", "session.refused"):
            if one.transaction is None:
                setups.setdefault(session, []).append(event)
            elif address in one.recipients:
                talks.setdefault((session, one.transaction), []).append(event)
        elif event.kind in ("session.opened", "session.closed"):
            setups.pop(session, None)
        elif event.kind == "attempt" and event.fields["recipient"] == address:
            lines = setups.get(session, []) if one.transaction is None else talks.pop((session, one.transaction), [])
            yield Dialogue(session, one.transaction, event.at, tuple(lines))
    yield from _cut_off(talks)


def _cut_off(talks: dict[tuple[int, int], list[LogEvent]]) -> Iterator[Dialogue]:
    """Yield what has no outcome: the sender died, or is still at it."""
    for (session, transaction), lines in talks.items():
        yield Dialogue(session, transaction, None, tuple(lines))
    talks.clear()


def _said(attempt: AttemptRecord, dialogues: Sequence[Dialogue]) -> tuple[LogEvent, ...]:
    """Return the lines of a try: the one that was ruled at the same moment; else one that was never ruled."""
    same = [one for one in dialogues if (one.session, one.transaction) == (attempt.session, attempt.transaction)]
    ruled = next((one for one in same if one.at is not None and abs(one.at - attempt.ended) < 1e-5), None)
    lines = (ruled or next((one for one in same if one.at is None), None) or Dialogue(0, None, None, ())).lines
    return tuple(line for line in lines if line.kind == "line")


def set_aside(address: str, events: Iterable[LogEvent]) -> Iterator[LogEvent]:
    """Yield the rows of the list that held `address` and were not sent to, each once, by the log."""
    seen: set[object] = set()
    wanted = address.casefold()
    for event in events:
        value = str(event.fields.get("value", "")).casefold()
        if event.kind == "recipient.set_aside" and (value == wanted or f"<{wanted}>" in value):
            row = event.fields["row"]
            if row not in seen:
                seen.add(row)
                yield event


def nearest(address: str, addresses: Iterable[str]) -> list[str]:
    """Return the few addresses that look most like `address`."""
    local, _, domain = address.casefold().rpartition("@")
    near: list[str] = []
    for one in addresses:
        folded = one.casefold()
        alike = folded.startswith(f"{local}@") or folded.endswith(f"@{domain}") or folded[:3] == address.casefold()[:3]
        if alike and len(near) < _MOST_COMPARED:
            near.append(one)
    return get_close_matches(address, near, n=_NEAR, cutoff=0.6)


def about(step: Step) -> str:
    """Return in words what decided: the row's why and source; for what is in no row, what happened."""
    if step.row is not None:
        return f"{step.row.why} ({step.row.source})"
    return RECOVERED if step.attempt.stage is Stage.DOT else "a row of another version of maildrill"
