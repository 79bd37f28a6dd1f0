"""Invariants I1 to I8: nobody lost, nobody doubled, nobody misreported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from maildrill.scenarios.oracles.evidence import FLIGHT, Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.journaled import Asked, Taken
from maildrill.sender.attempt import NOT_OFFERED, TERMINAL, Scope, State, Verdict
from maildrill.sender.campaign import UnknownPolicy
from maildrill.sender.ledger.records import AttemptRecord
from maildrill.sender.summary import Spot
from maildrill.smtp import Stage, domain_of

_UNSENT = frozenset({State.FAILED, State.EXPIRED})


def conservation(evidence: Evidence) -> Iterator[Breach]:
    """I1: set the list against the ledger."""
    addresses = tuple([record.address for record in evidence.recipients])
    for address in _more(evidence.imported, addresses):
        yield Breach(address, "is in the list and not in the ledger")
    for address in _more(addresses, evidence.imported):
        yield Breach(address, "is in the ledger more often than in the list")
    for record in [record for record in evidence.recipients if record.state not in TERMINAL]:
        if record.address not in evidence.waiting:
            yield Breach(record.address, f"is {record.state} though nothing is left to do")


def no_false_success(evidence: Evidence) -> Iterator[Breach]:
    """I2: set the ledger's Delivered against the server's acknowledgements and its replies to RCPT."""
    delivered, known = State.DELIVERED, _served(evidence)
    known |= {address for address, said in evidence.settled.items() if delivered in said}
    for address in [one for one, state in evidence.states.items() if state is delivered and one not in known]:
        acknowledged = [taken for taken in evidence.taken_for.get(address, ()) if taken.acknowledged]
        why = "its RCPT was not accepted in that transaction"
        why = why if acknowledged else "the server never acknowledged a message for it"
        yield Breach(address, f"is called delivered, and {why}")


def no_second_message(evidence: Evidence) -> Iterator[Breach]:
    """I3: after a 2yz that the sender has read, no RCPT for this recipient."""
    evidence = evidence.straight
    last_heard = evidence.last_heard  # whoever says anything after the dot has read its reply
    asked_for = evidence.asked_for
    for address, all_taken in evidence.taken_for.items():
        asked = asked_for.get(address, ())
        if len(asked) == len(all_taken) == 1 and asked[0].at <= all_taken[0].at:
            continue  # as with most
        read = [taken for taken in all_taken if taken.acknowledged and last_heard[taken.session] > taken.at]
        if not read:
            continue
        first = min([taken.at for taken in read])
        later = [one for one in asked if one.at > first]
        if later:
            yield Breach(address, f"was acknowledged, and RCPT named it {len(later)} more times", later[0].spot)


def duplicate_bound(evidence: Evidence) -> Iterator[Breach]:
    """I4: messages taken by the server against tries whose outcome could not be known."""
    at_most_once, unknown = evidence.campaign.retry.unknown is UnknownPolicy.AT_MOST_ONCE, Verdict.UNKNOWN
    settled = evidence.settled
    more_than_once = [(address, taken) for address, taken in evidence.taken_for.items() if len(taken) > 1]
    for address, all_taken in more_than_once:  # once is what nobody could avoid
        committed = [taken for taken in all_taken if taken.committed and taken.honest]
        doubts = sum([attempt.verdict is unknown for attempt in evidence.attempts_of.get(address, ())])
        again = settled.get(address, ()).count(State.PENDING) if settled else 0  # an operator said: it did not arrive
        most = again + (1 if at_most_once else 1 + doubts)
        if len(committed) > most:
            found = f"has the message {len(committed)} times; {most} could not be avoided"
            yield Breach(address, found, committed[most].spot)


def no_silent_loss(evidence: Evidence) -> Iterator[Breach]:
    """I5: a Failed has its 5yz in the journal, an Expired its record in the log and a counted try."""
    expired = {event.fields["recipient"] for event in evidence.by_kind.get("recipient.expired", ())}
    found = (
        ("recipient.restored",) if evidence.deaths else ()
    )  # who died between ledger and log leaves it to the next run
    for kind in ("attempt", "recipient.recovered", *found):
        ruled = evidence.log.pick(kind, "recipient", "state", lacking=None)
        expired |= {recipient for recipient, state in ruled if state == State.EXPIRED}
    failed, ran_out = State.FAILED, State.EXPIRED
    for record in [record for record in evidence.recipients if record.state in _UNSENT]:
        if record.state is failed:
            told = record.state in evidence.settled.get(record.address, ())
            if not told and not _has_failure(evidence, record.address):
                yield Breach(record.address, "is called failed, and the server never said 5yz about it")
        if record.state is ran_out and record.address not in expired:
            yield Breach(record.address, "is called expired, and the log has no record of that")
    host = Scope.HOST
    for attempt in [attempt for attempt in evidence.attempts if attempt.scope is host]:
        if attempt.state in _UNSENT:
            became = f"became {attempt.state} by what was said of the host ({attempt.row})"
            yield Breach(attempt.recipient, became, Spot(attempt.ended, attempt.stage))


def no_false_failure(evidence: Evidence) -> Iterator[Breach]:
    """I6: what the server acknowledged, and the sender read, is Delivered; unread it is at least not denied."""
    last_heard, settled = evidence.last_heard, evidence.settled
    states, delivered = evidence.states, State.DELIVERED
    read, unread = {delivered}, {delivered, State.UNKNOWN}
    for address, all_taken in evidence.taken_for.items():
        state = states.get(address)
        if state is delivered and len(all_taken) == 1:
            continue  # as with most
        for taken in all_taken:
            if not taken.acknowledged or not _was_accepted(evidence, taken, address):
                continue
            allowed = read if last_heard[taken.session] > taken.at else unread
            told = address in settled
            if state not in allowed and taken.session not in evidence.severed and not told:
                found = f"was acknowledged in session {taken.session}, and is called {state}"
                yield Breach(address, found, taken.spot)


def partial_results(evidence: Evidence) -> Iterator[Breach]:
    """I7: a final 5yz at RCPT stays, whatever DATA or the dot say later."""
    for asked in evidence.refused_for_good:
        attempt = evidence.tried_at(asked.recipient, asked.at)
        if attempt is not None and evidence.override_of(attempt) is not None:
            continue  # I56 sees to it
        if attempt is None or attempt.verdict is not Verdict.FAILED:
            ruled = attempt.verdict if attempt else "not recorded at all"
            yield Breach(asked.recipient, f"got {asked.reply} to RCPT, and the try is {ruled}", asked.spot)


def all_refused(evidence: Evidence) -> Iterator[Breach]:
    """I8: where no RCPT was accepted nothing but a lone dot is sent, and nobody is Delivered."""
    rcpts = [one for one in evidence.by_stage.get(Stage.RCPT, ()) if one.transaction]
    good = {(one.session, one.transaction) for one in rcpts if one.reply is not None and one.reply.positive}
    for taken in [taken for taken in evidence.taken if (taken.session, taken.transaction) not in good]:
        asked = evidence.transactions.get((taken.session, taken.transaction), ())
        recipients = [one for one in asked if one.stage is Stage.RCPT]
        if taken.content:
            found = f"{len(taken.content)} octets were sent in session {taken.session} for no recipient"
            yield Breach("", found, taken.spot)
        for one in recipients:
            attempt = evidence.tried_at(one.recipient, one.at)
            if attempt is not None and attempt.verdict is Verdict.DELIVERED:
                yield Breach(one.recipient, f"is called delivered, and its RCPT got {one.reply}", one.spot)


def _more(these: tuple[str, ...], those: tuple[str, ...]) -> Iterable[str]:
    """Return what is more often in these than in those; they are in one order, most often."""
    return () if these == those else (Counter(these) - Counter(those)).elements()


def _served(evidence: Evidence) -> set[str]:
    """Return for whom a message was acknowledged, in a transaction in which their RCPT was accepted."""
    rcpts = evidence.by_stage.get(Stage.RCPT, ())
    accepted = {
        (one.recipient, one.session, one.transaction) for one in rcpts if one.reply is not None and one.reply.positive
    }
    return {
        to
        for taken in evidence.taken
        if taken.acknowledged
        for to in taken.recipients
        if (to, taken.session, taken.transaction) in accepted
    }


def _was_accepted(evidence: Evidence, taken: Taken, address: str) -> bool:
    """Whether the RCPT for an address was accepted in the transaction of a message."""
    return any(
        one.reply is not None and one.reply.positive
        for one in evidence.asked_for.get(address, ())
        if (one.session, one.transaction) == (taken.session, taken.transaction)
    )


def _has_failure(evidence: Evidence, address: str) -> bool:
    """Whether the journal has a 5yz for this recipient's RCPT, or for a transaction that it was part of.

    Also when the server's EHLO had said that it could not take the message: then nothing was asked; when there is
    no host for it; or when the user has 4yz be final, which I56 sees to.
    """
    evidence = evidence.straight
    if domain_of(address) in evidence.unroutable:
        return True
    if any(evidence.override_of(attempt) is not None for attempt in evidence.attempts_of.get(address, ())):
        return True
    not_tried = (attempt for attempt in evidence.attempts_of.get(address, ()) if attempt.fault in NOT_OFFERED)
    if any(_was_told(evidence, attempt) for attempt in not_tried):
        return True
    named = evidence.asked_for.get(address, ())
    if any(_refuses(asked, address) for asked in named):
        return True
    for asked in named:
        together = evidence.transactions.get((asked.session, asked.transaction), ())
        if any(_refuses(one, address) for one in together):
            return True
    return any(
        asked.stage is Stage.MAIL and asked.reply is not None and asked.reply.klass == 5
        for attempt in evidence.attempts_of.get(address, ())
        for asked in evidence.asked
        if attempt.started <= asked.at <= attempt.ended
    )


def _was_told(evidence: Evidence, attempt: AttemptRecord) -> bool:
    """Whether a server could say what it offers before a try: it answered EHLO in a session that was open then.

    Or it had said before that it knows no EHLO: then nothing is offered, whatever HELO is answered.
    """
    begun = (one for one in evidence.connected if one.opened <= attempt.ended)
    there = {one.session for one in begun if attempt.started <= one.closed + FLIGHT}
    answered = [one for one in evidence.asked if one.stage is Stage.EHLO and one.reply is not None]
    unknown = any(one.reply is not None and one.reply.klass == 5 for one in answered)
    return unknown or any(one.session in there for one in answered)


def _refuses(asked: Asked, address: str) -> bool:
    about = asked.stage in (Stage.DATA, Stage.BDAT, Stage.BODY, Stage.DOT) or asked.recipient == address
    return about and asked.reply is not None and asked.reply.klass == 5


ACCOUNTING = (
    Invariant(
        1,
        "conservation",
        "At the end every imported recipient is in exactly one terminal state; the counts add up.",
        "maildrill",
        conservation,
        (Witness.LIST, Witness.LEDGER),
    ),
    Invariant(
        2,
        "no false success",
        "Delivered means: 2yz to the dot of a transaction in which this recipient's RCPT got 2yz.",
        "RFC 5321 section 4.2.5",
        no_false_success,
        (Witness.LEDGER, Witness.JOURNAL),
    ),
    Invariant(
        3,
        "no second message",
        "Once a 2yz for a recipient was read, no RCPT names it again, in this run or a later one.",
        "RFC 5321 section 4.2.5",
        no_second_message,
        (Witness.JOURNAL,),
    ),
    Invariant(
        4,
        "duplicate bound",
        "No more copies than one, and one for each try that ended Unknown; under at-most-once never two.",
        "RFC 1047",
        duplicate_bound,
        (Witness.JOURNAL, Witness.LEDGER),
    ),
    Invariant(
        5,
        "no silent loss",
        "Failed and Expired rest on a reply or on the end of the lifetime, never on what was said of the host alone.",
        "RFC 5321 section 4.5.4.1",
        no_silent_loss,
        (Witness.LEDGER, Witness.JOURNAL, Witness.LOG),
    ),
    Invariant(
        6,
        "no false failure",
        "A 2yz to the dot for an accepted recipient never ends in Failed or Deferred, whichever 2yz it is.",
        "RFC 5321 section 4.2.1",
        no_false_failure,
        (Witness.JOURNAL, Witness.LEDGER),
    ),
    Invariant(
        7,
        "partial results survive",
        "What a recipient's RCPT was told stays true when DATA or the dot fail later.",
        "RFC 5321 section 3.3",
        partial_results,
        (Witness.JOURNAL, Witness.LEDGER),
    ),
    Invariant(
        8,
        "all refused",
        "If no RCPT got 2yz nothing but a lone dot is sent, and nobody is delivered, whatever DATA and the dot say.",
        "RFC 2920 section 3.1",
        all_refused,
        (Witness.JOURNAL, Witness.LEDGER),
    ),
)
