"""What must hold after a death and a second life: invariants I1 to I4, I9, I37 to I39, I42, I43 and I57.

Three witnesses: the ledger as the death left it, the ledger in the end, and the server's journal. Rule: that a dot has
left is taken from the server, never from the sender.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from maildrill.fakeserver.journal.record import Message
from maildrill.scenarios.crash.explore import Explored
from maildrill.scenarios.oracles import RUNS, Breach
from maildrill.scenarios.oracles.caution import refused_in_a_row
from maildrill.scenarios.oracles.retrying import GRAIN
from maildrill.sender.attempt import TERMINAL, State, Verdict
from maildrill.sender.campaign import UnknownPolicy
from maildrill.sender.ledger.recovery import ROW
from maildrill.sender.summary import Violation
from maildrill.smtp import Stage

Check = Callable[[Explored], Iterator[Breach]]

#: Where a pause leaves those whose turn has not come.
_WAITING = frozenset({State.PENDING, State.DEFERRED})


def judge(explored: Explored) -> tuple[Violation, ...]:
    """Return what does not hold, in order of the invariants."""
    checks: list[tuple[str, str, Iterator[Breach]]] = [(name, what, check(explored)) for name, what, check in CHECKS]
    checks += [(one.id, one.name, one.check(explored.lives)) for one in RUNS]
    return tuple(
        Violation(name, what, breach.recipient, f"{breach.finding} (died at {explored.point})")
        for name, what, breaches in checks
        for breach in breaches
    )


def conservation(explored: Explored) -> Iterator[Breach]:
    """I1: everybody of the list once, in a state that is final, or waiting for an operator to lift a pause."""
    listed, kept = Counter(explored.listed), Counter(record.address for record in explored.recipients)
    for address in (listed - kept).elements():
        yield Breach(address, "is in the list and not in the ledger")
    for address in (kept - listed).elements():
        yield Breach(address, "is in the ledger more often than in the list")
    for record in explored.recipients:
        if record.state not in TERMINAL and not (explored.paused and record.state in _WAITING):
            yield Breach(record.address, f"is {record.state} though nothing is left to do")


def no_false_success(explored: Explored) -> Iterator[Breach]:
    """I2: who is called delivered was taken by the server, which said so."""
    acknowledged = {rcpt for message in explored.messages for rcpt in message.acknowledged_for}
    for record in explored.recipients:
        if record.state is State.DELIVERED and record.address not in acknowledged:
            yield Breach(record.address, "is called delivered, and the server never acknowledged a message for it")


def no_second_message(explored: Explored) -> Iterator[Breach]:
    """I3: who was delivered when the sender died is not asked about again."""
    if explored.remains is None:
        return
    done = {record.address for record in explored.remains.recipients if record.state is State.DELIVERED}
    for address in _asked_later(explored):
        if address in done:
            yield Breach(address, "was delivered before, and RCPT named it in the second life")


def duplicate_bound(explored: Explored) -> Iterator[Breach]:
    """I4: no more messages taken than one, and one for each try that was Unknown."""
    at_most_once = explored.plan.campaign.retry.unknown is UnknownPolicy.AT_MOST_ONCE
    taken = Counter(rcpt for message in explored.messages if message.committed for rcpt in message.committed_for)
    unknown = Counter(one.recipient for one in explored.attempts if one.verdict is Verdict.UNKNOWN)
    for address, count in taken.items():
        bound = 1 if at_most_once else 1 + unknown[address]
        if count > bound:
            yield Breach(address, f"was taken {count} times, at most {bound} may be")


def permanent_is_final(explored: Explored) -> Iterator[Breach]:
    """I9: who had failed when the sender died is not asked about again."""
    if explored.remains is None:
        return
    failed = {record.address for record in explored.remains.recipients if record.state is State.FAILED}
    for address in _asked_later(explored):
        if address in failed:
            yield Breach(address, "had failed before, and RCPT named it in the second life")


def written_ahead(explored: Explored) -> Iterator[Breach]:
    """I37: of each dot that the server saw of the first life the ledger knew when that ended."""
    known: Counter[str] = Counter()
    if explored.remains is not None:
        known.update(explored.remains.intended)
        known.update(one.recipient for one in explored.remains.attempts if one.stage in (Stage.DOT, Stage.BDAT))
    seen = Counter(rcpt for message in _of_first_life(explored) for rcpt in message.recipients)
    for address, count in seen.items():
        if count > known[address]:
            yield Breach(address, f"{count} final dots left for it, and the ledger knew of {known[address]}")


def exactly_the_doubtful(explored: Explored) -> Iterator[Breach]:
    """I38: recovered as Unknown are those whose dot was about to leave, and nobody else."""
    recovered = {one.recipient for one in explored.attempts if one.row == ROW}
    intended = explored.remains.intended if explored.remains is not None else frozenset()
    for address in sorted(intended - recovered):
        yield Breach(address, "had an intent without an outcome, and is not among the recovered")
    for address in sorted(recovered - intended):
        yield Breach(address, "is among the recovered, and had no intent")


def same_message(explored: Explored) -> Iterator[Breach]:
    """I42: all messages that the server saw for a recipient have the same octets."""
    first: dict[str, bytes] = {}
    for message in explored.messages:
        for rcpt in message.recipients:
            if first.setdefault(rcpt, message.content) != message.content:
                yield Breach(rcpt, "got two messages that differ")


def paused_for_good(explored: Explored) -> Iterator[Breach]:
    """I57: nobody is asked about in the second life if the campaign was paused when the sender died."""
    if explored.remains is None or not explored.remains.paused:
        return
    for address in sorted(set(_asked_later(explored))):
        yield Breach(address, "was named by RCPT in the second life, and the campaign was paused in the first")


def paused_in_time(explored: Explored) -> Iterator[Breach]:
    """I57: no try begins once so many in a row were refused alike after the dot, in whichever life that was."""
    limit = explored.plan.campaign.limits.pause_after
    for last, count in refused_in_a_row(explored.attempts, (), strict=True):
        late = [one.recipient for one in explored.attempts if one.started > last.ended + GRAIN]
        if 0 < limit <= count and late:
            yield Breach(late[0], f"was tried after {count} recipients in a row got {last.reply} after the dot")
            return


def _asked_later(explored: Explored) -> Iterator[str]:
    """Yield whom RCPT named in the second life."""
    for entry in explored.entries:
        if entry.stage is Stage.RCPT and entry.began >= explored.reborn_at and entry.address:
            yield entry.address


def _of_first_life(explored: Explored) -> Iterator[Message]:
    return (message for message in explored.messages if message.at < explored.reborn_at)


CHECKS: tuple[tuple[str, str, Check], ...] = (
    ("I1", "conservation", conservation),
    ("I2", "no false success", no_false_success),
    ("I3", "no second message", no_second_message),
    ("I4", "duplicate bound", duplicate_bound),
    ("I9", "permanent is final", permanent_is_final),
    ("I37", "write-ahead", written_ahead),
    ("I38", "crash anywhere", exactly_the_doubtful),
    ("I42", "stable identity", same_message),
    ("I57", "content pause", paused_for_good),
    ("I57", "content pause", paused_in_time),
)
