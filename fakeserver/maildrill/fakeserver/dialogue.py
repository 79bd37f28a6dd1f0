"""One session as a correct SMTP server sees it: what it replies to each command, and what it remembers (RFC 5321).

Rule 1: `hear` judges a command; `take` changes the state, once a reply has been said.
Rule 2: a refused command changes nothing (RFC 5321 section 4.1.4); only what was advertised is taken. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from maildrill.fakeserver.command import Path
from maildrill.fakeserver.judges import (
    CANCELLED,
    LOGGED_IN,
    RECIPIENT_OK,
    SENDER_OK,
    Refusal,
    State,
    Verdict,
    challenges,
    judge,
    judge_message,
)
from maildrill.smtp import EnhancedStatus, Reply, Stage

#: The class of the reply with which a command is done: 2yz, but DATA's is 3yz (RFC 5321 section 4.3.2).
_DONE = {Stage.DATA: 3}


@dataclass(frozen=True, slots=True)
class Heard:
    """One command: where it belongs, and what a correct server replies.

    scripted: well formed and in its place, so that a script may answer instead. path: what MAIL or RCPT named.
    """

    stage: Stage
    reply: Reply
    verb: str = ""
    argument: str = ""
    scripted: bool = True
    path: Path | None = None


class Dialogue:
    """The state of one session, and the correct reply to each command."""

    def __init__(self, hostname: str) -> None:
        self.state = State(hostname)
        self._challenges: list[str] = []

    def hear(self, verb: str, argument: str) -> Heard:
        """Return what a correct server replies to a command; `verb` in upper case."""
        stage, verdict = judge(self.state, verb, argument)
        if verdict is LOGGED_IN:
            mechanism, _, initial = argument.partition(" ")
            self._challenges = challenges(mechanism, initial=bool(initial))
            verdict = self._next_challenge()
        return self._heard(stage, verdict, verb, argument)

    def respond(self, line: str) -> Heard:
        """Return what a correct server says to the client's answer to a challenge (RFC 4954 section 4)."""
        return self._heard(Stage.AUTH, CANCELLED if line == "*" else self._next_challenge(), "AUTH", "")

    def end_of_data(self, octets: int) -> Heard:
        """Return what a correct server replies to the final dot of a message of so many octets."""
        return self._heard(Stage.DOT, judge_message(self.state, octets), "", "")

    def advertise(self, heard: Heard, changes: Sequence[str]) -> Heard:
        """Return the EHLO just heard with the keywords of its reply changed: `SIZE 9` sets, `-SIZE` hides one."""
        first, *rest = heard.reply.lines
        lines = {line.partition(" ")[0].upper(): line for line in rest}
        for change in changes:
            keyword = change.removeprefix("-").partition(" ")[0].upper()
            if change.startswith("-"):
                lines.pop(keyword, None)
            else:
                lines[keyword] = change
        return replace(heard, reply=Reply(heard.reply.code, (first, *lines.values())))

    def take(self, heard: Heard, reply: Reply) -> None:
        """Note that `reply` was said to a command: the state changes if it says that the command was done."""
        if reply.klass != _DONE.get(heard.stage, 2):
            return
        state = self.state
        if heard.stage is Stage.RCPT and heard.path is not None:
            state.recipients += (heard.path.address,)
        elif heard.stage is Stage.MAIL and heard.path is not None:
            state.reverse_path = heard.path.address
            state.utf8 = "SMTPUTF8" in heard.path.parameters
        elif heard.stage in (Stage.EHLO, Stage.HELO):
            state.helo = heard.argument
            state.keywords = _keywords(reply) if heard.stage is Stage.EHLO else {}
            self.reset()
        elif heard.stage is Stage.RSET:
            self.reset()
        elif heard.stage is Stage.AUTH:
            state.authenticated = True

    def reset(self) -> None:
        """Forget the transaction: RSET, EHLO, or the end of data (RFC 5321 sections 4.1.1.4 and 4.1.1.5)."""
        self.state.reverse_path = None
        self.state.recipients = ()
        self.state.utf8 = False

    def _next_challenge(self) -> Verdict:
        """Return the next challenge, about which no script is asked, or the reply that ends the exchange."""
        return Refusal(Reply(334, (self._challenges.pop(0),))) if self._challenges else LOGGED_IN

    def _heard(self, stage: Stage, verdict: Verdict, verb: str, argument: str) -> Heard:
        if isinstance(verdict, Path):
            done = SENDER_OK if stage is Stage.MAIL else RECIPIENT_OK
            return Heard(stage, self._spoken(done), verb, argument, path=verdict)
        reply, scripted = (verdict, True) if isinstance(verdict, Reply) else (verdict.reply, False)
        return Heard(stage, self._spoken(reply), verb, argument, scripted)

    def _spoken(self, reply: Reply) -> Reply:
        """Return the reply as said here: without the enhanced code where that was not advertised (RFC 2034)."""
        return reply if "ENHANCEDSTATUSCODES" in self.state.keywords else _bare(reply)


@lru_cache(maxsize=256)
def _bare(reply: Reply) -> Reply:
    return Reply(reply.code, tuple(_without_status(line) for line in reply.lines))


def _without_status(line: str) -> str:
    return line[len(str(status)) :].lstrip(" ") if (status := EnhancedStatus.leading(line)) else line


def _keywords(reply: Reply) -> dict[str, str]:
    """Return what an EHLO reply advertises: the lines after the first (RFC 5321 section 4.1.1.1)."""
    words = (_without_status(line).partition(" ") for line in reply.lines[1:])
    return {keyword.upper(): rest for keyword, _, rest in words if keyword}
