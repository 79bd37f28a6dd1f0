"""What is said on the short way: what is correct, as a reply and as octets, and what a script says in one reply."""

from __future__ import annotations

from maildrill.fakeserver.engine.event import PLAINLY, Decision, Say
from maildrill.fakeserver.protocol import judges
from maildrill.fakeserver.protocol.dialogue import bare
from maildrill.smtp import Reply

#: A reply and its octets: for a client that was not told of enhanced codes, and for one that was.
Spoken = tuple[tuple[Reply, bytes], tuple[Reply, bytes]]


def _spoken(reply: Reply) -> Spoken:
    plain = bare(reply)
    return (plain, plain.render()), (reply, reply.render())


SENDER_OK = _spoken(judges.SENDER_OK)
RECIPIENT_OK = _spoken(judges.RECIPIENT_OK)
GO_AHEAD = _spoken(judges.GO_AHEAD)
NOBODY = _spoken(judges.NO_RECIPIENTS[False])
QUEUED = _spoken(judges.QUEUED)
RESET = _spoken(judges.OK)


def plainly_said(decision: Decision) -> Reply | None:
    """Return the reply that is all of a decision, to be said at once; None where there is more to it."""
    action = decision.actions[0] if len(decision.actions) == 1 else None
    return action.reply if type(action) is Say and not action.half and action.manner is PLAINLY else None
