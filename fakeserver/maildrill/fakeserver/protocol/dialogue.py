"""One session as a correct SMTP server sees it: what it replies to each command, and what it remembers (RFC 5321).

Rule 1: `hear` judges a command; `take` changes the state, once a reply has been said.
Rule 2: a refused command changes nothing (RFC 5321 section 4.1.4); only what was advertised is taken. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from maildrill.fakeserver.protocol.command import Chunk, Path
from maildrill.fakeserver.protocol.judges import (
    GO_AHEAD,
    LOGGED_IN,
    NO_ROOM,
    QUEUED,
    RECIPIENT_OK,
    SENDER_OK,
    Verdict,
    announced,
    judge,
    judge_hello,
    judge_message,
)
from maildrill.fakeserver.protocol.state import Login, Offer, Refusal, State, changed
from maildrill.smtp import EnhancedStatus, Reply, Stage

#: The keyword with which a server says that enhanced codes stand in its replies (RFC 2034).
STATUS = "ENHANCEDSTATUSCODES"
#: The class of the reply with which a command is done: 2yz, but DATA's is 3yz (RFC 5321 section 4.3.2).
_DONE = {Stage.DATA: 3}
#: What is replied to the command that usually follows, where that does not depend on the transaction.
_FOLLOWS = {Stage.MAIL: RECIPIENT_OK, Stage.RCPT: GO_AHEAD, Stage.DATA: QUEUED, Stage.AUTH_STEP: LOGGED_IN}

_TOO_MANY_COMMANDS = Refusal.of("421 4.7.0 too many commands, closing connection")
_TOO_MANY_ERRORS = Refusal.of("421 4.7.0 too many errors, closing connection")


@dataclass(slots=True)  # made for each command: frozen it would take three times as long
class Heard:
    """One command: where it belongs, and what a correct server replies.

    scripted: well formed and in its place, so that a script may answer instead. path: what MAIL or RCPT named.
    chunk: what comes behind BDAT. login: what AUTH begins.
    """

    stage: Stage
    reply: Reply
    verb: str = ""
    argument: str = ""
    scripted: bool = True
    path: Path | None = None
    chunk: Chunk | None = None
    login: Login | None = None


class Dialogue:
    """The state of one session, and the correct reply to each command."""

    def __init__(self, offer: Offer) -> None:
        self.state = State(offer)

    def hear(self, verb: str, argument: str) -> Heard:
        """Return what a correct server replies to a command; `verb` in upper case."""
        stage, verdict = judge(self.state, verb, argument)
        self.state.commands += 1
        if self.state.commands > self.state.offer.limits.commands:
            verdict = _TOO_MANY_COMMANDS
        elif (stage is Stage.UNKNOWN or _is_error(verdict)) and self._too_many_errors():
            verdict = _TOO_MANY_ERRORS
        return self._heard(stage, verdict, verb, argument)

    def misread(self, reply: Reply) -> Reply:
        """Return what is said to a line that is no command: `reply`, unless there were too many such."""
        return _TOO_MANY_ERRORS.reply if reply.klass == 5 and self._too_many_errors() else reply

    def _too_many_errors(self) -> bool:
        """Count an error, and return whether that was one too many."""
        self.state.errors += 1
        return self.state.errors > self.state.offer.limits.errors

    def respond(self, stage: Stage, reply: Reply, *, scripted: bool = True) -> Heard:
        """Return a moment of an AUTH exchange at which a correct server says `reply` (RFC 4954 section 4)."""
        return Heard(stage, self.spoken(reply), "AUTH", scripted=scripted)

    def log_in(self, user: str) -> None:
        """Note that somebody is let in."""
        self.state.authenticated, self.state.user = True, user

    def end_of_data(self, octets: int, content: bytes = b"", *, crowded: bool = False) -> Heard:
        """Return what a correct server replies to the end of a message of so many octets.

        content: they themselves, where they are kept. crowded: that was not so for want of room.
        """
        verdict = judge_message(self.state, octets, content, crowded=crowded)
        return self._heard(Stage.DOT, verdict, "", "")

    def advertise(self, heard: Heard, changes: Sequence[str]) -> Heard:
        """Return the EHLO just heard with the keywords of its reply changed: `SIZE 9` sets, `-SIZE` hides one."""
        first, *rest = heard.reply.lines
        return replace(heard, reply=Reply(heard.reply.code, (first, *changed(rest, changes))))

    def next_reply(self, stage: Stage) -> Reply | None:
        """Return what the server would reply to the command that usually comes behind one at `stage`."""
        if stage in (Stage.CONNECT, Stage.BANNER):
            return judge_hello(self.state)
        if stage is Stage.QUIT:
            return None
        if stage is Stage.EHLO:  # what it offers holds as soon as it has been said
            return SENDER_OK
        follows = RECIPIENT_OK if self.state.reverse_path is not None else SENDER_OK
        return self.spoken(_FOLLOWS.get(stage, follows))

    def take(self, heard: Heard, reply: Reply) -> None:
        """Note that `reply` was said to a command: the state changes if it says that the command was done."""
        change = _CHANGES.get(heard.stage)
        if change is not None and reply.klass == _DONE.get(heard.stage, 2):
            change(self.state, heard, reply)
        elif heard.chunk is not None and reply.klass > 3 and self.state.reverse_path is not None:
            self.state.failed = True

    def take_chunk(self, size: int) -> None:
        """Note that a chunk came that was not refused."""
        self.state.octets = (self.state.octets or 0) + size

    def crowd_out(self, heard: Heard) -> Heard:
        """Return a chunk, just heard, for which there is no room."""
        return replace(heard, reply=self.spoken(NO_ROOM.reply), scripted=False)

    def reset(self) -> None:
        """Forget the transaction."""
        self.state.reset()

    def _heard(self, stage: Stage, verdict: Verdict, verb: str, argument: str) -> Heard:
        if isinstance(verdict, Path):
            done = SENDER_OK if stage is Stage.MAIL else RECIPIENT_OK
            return Heard(stage, self.spoken(done), verb, argument, path=verdict)
        if isinstance(verdict, Chunk):
            return Heard(
                stage, self.spoken(Reply(250, (f"2.0.0 {verdict.size} octets",))), verb, argument, chunk=verdict
            )
        if isinstance(verdict, Login):
            return Heard(stage, self.spoken(LOGGED_IN), verb, argument, login=verdict)
        reply, scripted = (verdict, True) if isinstance(verdict, Reply) else (verdict.reply, False)
        chunk = announced(self.state, argument) if stage is Stage.BDAT and reply.code != 421 else None
        return Heard(stage, self.spoken(reply), verb, argument, scripted, chunk=chunk)

    def spoken(self, reply: Reply) -> Reply:
        """Return the reply as said here: without the enhanced code where that was not advertised (RFC 2034)."""
        return reply if STATUS in self.state.keywords else bare(reply)


def _is_error(verdict: Verdict) -> bool:
    return isinstance(verdict, Refusal) and verdict.reply.klass == 5


@lru_cache(maxsize=256)
def bare(reply: Reply) -> Reply:
    """Return a reply without its enhanced codes."""
    return Reply(reply.code, tuple(_without_status(line) for line in reply.lines))


def _without_status(line: str) -> str:
    return line[len(str(status)) :].lstrip(" ") if (status := EnhancedStatus.leading(line)) else line


def _take_hello(state: State, heard: Heard, reply: Reply) -> None:
    state.helo = heard.argument
    state.keywords = _keywords(reply) if heard.stage is Stage.EHLO else {}
    state.reset()


def _take_mail(state: State, heard: Heard, _reply: Reply) -> None:
    if heard.path is not None:
        state.reverse_path, state.parameters = heard.path.address, heard.path.parameters


def _take_rcpt(state: State, heard: Heard, _reply: Reply) -> None:
    if heard.path is not None:
        state.recipients += (heard.path.address,)
        if heard.path.parameters:
            state.rcpt_parameters[heard.path.address] = heard.path.parameters


def _take_reset(state: State, _heard: Heard, _reply: Reply) -> None:
    state.reset()


#: What a command that is done changes.
_CHANGES: dict[Stage, Callable[[State, Heard, Reply], None]] = {
    Stage.HELO: _take_hello,
    Stage.EHLO: _take_hello,
    Stage.MAIL: _take_mail,
    Stage.RCPT: _take_rcpt,
    Stage.RSET: _take_reset,
}


def _keywords(reply: Reply) -> dict[str, str]:
    """Return what an EHLO reply advertises: the lines after the first (RFC 5321 section 4.1.1.1)."""
    words = (_without_status(line).partition(" ") for line in reply.lines[1:])
    return {keyword.upper(): rest for keyword, _, rest in words if keyword}
