"""MAIL, RCPT and DATA that come in one piece (RFC 2920), answered together where all of them go well.

Rule: it is all three of them or none; what is special about one of them is left to Express, which takes one at a time.
"""

from __future__ import annotations

import re
from functools import lru_cache

from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.journal.journal import Entry
from maildrill.fakeserver.protocol.command import PLAIN_ADDRESS
from maildrill.fakeserver.protocol.dialogue import STATUS
from maildrill.fakeserver.protocol.state import State
from maildrill.fakeserver.session.performance import Performance
from maildrill.fakeserver.session.spoken import GO_AHEAD, RECIPIENT_OK, SENDER_OK
from maildrill.smtp import Stage

_MAIL, _RCPT, _DATA, _BODY = Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY  # found faster than in their class
#: What is plainly a MAIL, with its address and size as groups, and a RCPT, with its address.
MAIL_LINE, RCPT_LINE = rf"MAIL FROM:<({PLAIN_ADDRESS})>(?: SIZE=([0-9]{{1,9}}))?", rf"RCPT TO:<({PLAIN_ADDRESS})>"
_FROM, _TO = re.compile(MAIL_LINE), re.compile(RCPT_LINE)
_END = b"\r\nDATA\r\n"
_COMMANDS = 3
#: Octets of a plain line, CRLF included: it is far from every limit on addresses.
LONGEST = 76
_LONGEST_GROUP = 2 * LONGEST + len(_END)
_REPLIES = [tuple(spoken[status][0] for spoken in (SENDER_OK, RECIPIENT_OK, GO_AHEAD)) for status in (False, True)]
_OCTETS = [b"".join(reply.render() for reply in replies) for replies in _REPLIES]


class Grouped:
    """The groups of one session."""

    def __init__(self, play: Performance) -> None:
        self._play = play
        self._state = play.dialogue.state

    def answer(self, octets: bytes) -> bool:
        """Answer octets if they are such a group, and the script has nothing to say about any of it.

        Returns whether it was so, and the message is to come now; else nothing was done.
        """
        if len(octets) > _LONGEST_GROUP or not octets.endswith(_END):
            return False
        play, state = self._play, self._state
        lines = octets.decode("latin-1").split("\r\n")
        if len(lines) != _COMMANDS + 1 or state.reverse_path is not None or not usual(play, _COMMANDS):
            return False
        mail, named = lines[:2]
        said, to = _said(mail), _TO.fullmatch(named) if len(named) + 2 <= LONGEST else None
        if said is None or to is None or not holds(state, said[1]):
            return False
        host, wire, status = play.host, play.wire, STATUS in state.keywords
        (sender, declared), rcpt = said, to[1]
        decider = host.decider
        if not (isinstance(decider, Engine) and decider.goes_on(sender, rcpt) and wire.put(_OCTETS[status])):
            return False
        state.commands += _COMMANDS
        play.transactions += 1
        state.reverse_path = sender
        parameters = state.parameters = {} if declared is None else {"SIZE": declared}
        state.recipients = (rcpt,)
        now, session, add = host.clock.now(), play.record.number, host.journal.add
        sender_ok, recipient_ok, go_ahead = _REPLIES[status]
        begun = Entry(now, now, session, _MAIL, mail, sender, sender_ok)
        begun.parameters = parameters
        add(begun)
        add(Entry(now, now, session, _RCPT, named, rcpt, recipient_ok))
        add(Entry(now, now, session, _DATA, "DATA", None, go_ahead))
        play.stage = _BODY
        return True


@lru_cache(maxsize=256)  # most of what one client says here it says again
def _said(mail: str) -> tuple[str, str | None] | None:
    """Return the address and the size of a plain MAIL; None for any other."""
    plain = _FROM.fullmatch(mail) if len(mail) + 2 <= LONGEST else None
    return None if plain is None else (plain[1], plain[2])


def usual(play: Performance, commands: int) -> bool:
    """Whether a session is as it nearly always is, and so many more commands are not too many."""
    state = play.dialogue.state
    if not (state.helo and state.in_service) or state.octets is not None or state.failed:
        return False
    return play.owed is None and state.commands + commands <= state.offer.limits.commands


def holds(state: State, declared: str | None) -> bool:
    """Whether a message of a size that was declared with MAIL, None for none, may come."""
    return declared is None or ("SIZE" in state.keywords and int(declared) <= state.size_limit)
