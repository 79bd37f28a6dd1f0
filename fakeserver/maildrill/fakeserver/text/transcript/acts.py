"""What a server does in a transcript, act by act: at which stage, about whom, in the words of a rule.

Rule: what no rule can do is refused with its line; strict = true plays it all the same. Pure.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from maildrill.fakeserver.language.span import Duration
from maildrill.fakeserver.language.steps import (
    ClientLeaves,
    ClientSays,
    ClientSends,
    Leaving,
    ServerLeaves,
    ServerReads,
    ServerSays,
    ServerShakes,
    ServerTakes,
    Session,
    Step,
    StepError,
)
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.fakeserver.text.rulebook import Word, exact_of, literal
from maildrill.fakeserver.text.transcript.octets import write_octets
from maildrill.smtp import Reply, Stage, decode
from maildrill.smtp.quantity import format_duration
from maildrill.smtp.reply_parser import ReplyParser
from maildrill.smtp.stage import VERBS

_PATH = re.compile(r"(?:FROM|TO):\s*<?(?P<address>[^>\s]*)>?.*", re.IGNORECASE)
_ANY = ("", "*", "*>", "<*>")
_DOT = re.compile(rb"(?:\A|.*\r\n)\.\r\n", re.DOTALL)
_SELECTORS = {Stage.EHLO: "ehlo", Stage.HELO: "ehlo", Stage.MAIL: "from", Stage.RCPT: "rcpt"}
_STRICT = "write strict = true to have it played line by line"


@dataclass(slots=True)
class Act:
    """What the server does once. who: selectors of a rule; words: what it says and does."""

    stage: Stage
    line: int
    who: dict[str, str] = field(default_factory=dict)
    words: dict[str, Word] = field(default_factory=dict)
    code: int = 0  # of the reply, 0 where there is none


def acts_of(session: Session) -> list[Act]:
    """Return what the server does in a session, in order; raises StepError for what no rule can do."""
    walk = _Walk()
    for step in session.steps:
        walk.take(step)
    return walk.acts


class _Walk:
    """One session, gone through step by step."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self._asked: deque[Act] = deque()  # what waits for a reply
        self._last: Act | None = None  # what was done last, if the client has not spoken since
        self._parser = ReplyParser()
        self._said = b""  # of a reply that is not whole
        self._waited = 0.0
        self._message: int | None = None  # octets that were read of a message, None outside of one
        self._commit: bool | None = None
        self._secret = False

    def take(self, step: Step) -> None:
        """Go on by one step."""
        if self._last is not None and self._last.code == 421 and not isinstance(step, ServerLeaves | ClientLeaves):
            self._last.words["cut"] = "never"
        match step:
            case ServerSays():
                self._say(step)
            case ServerLeaves():
                self._leave(step)
            case ServerShakes(fault):
                if fault is not None:
                    self._act(Act(Stage.TLS, step.line), handshake=str(fault))
            case ServerTakes(taken):
                self._commit = taken
            case ServerReads(count):
                self._read(count, step)
            case ClientSays() | ClientSends():
                self._hear(step)
            case _:
                pass  # lines of a message, and a client that goes: the server does nothing

    def _say(self, step: ServerSays) -> None:
        self._said += step.octets
        self._waited += _seconds(step.wait)
        replies = self._parser.feed(step.octets)
        if self._parser.fault or len(replies) > 1:
            self._parser = ReplyParser()
            self._act(self._next(step), **self._raw())
        elif replies:
            self._reply(replies[0], step)

    def _reply(self, reply: Reply, step: ServerSays) -> None:
        act = self._next(step)
        act.code = reply.code
        self._secret = reply.code == 334
        if act.stage is Stage.DATA and reply.klass == 3:
            self._message = 0
        self._act(act, **(_worded(reply, self._said) or self._raw()))

    def _raw(self) -> dict[str, Word]:
        return {"raw": write_octets(self._said)[1:-1].replace('\\"', '"')}

    def _leave(self, step: ServerLeaves) -> None:
        if step.how is Leaving.REFUSE:
            self.acts.append(Act(Stage.CONNECT, step.line, words={"cut": "refuse"}))
        elif self._said or (self._last is not None and not self._asked and self._message is None):
            self._leave_behind(step)
        else:
            self._waited += _seconds(step.wait)
            self._act(self._next(step), cut="before" if step.how is Leaving.FIN else "rst")

    def _leave_behind(self, step: ServerLeaves) -> None:
        """End the connection behind a reply, or a part of one."""
        if step.how is Leaving.RST:
            _refuse(step, "a rule resets a connection in place of a reply, not behind it")
        if self._said:
            self._act(self._next(step), cut="after", **self._raw())
        elif step.wait is not None:
            self._act(Act(Stage.IDLE, step.line), age=f">={step.wait.text}", cut="before")
        elif self._last is not None and self._last.stage is not Stage.QUIT and self._last.code != 421:
            self._last.words["cut"] = "after"

    def _read(self, count: int, step: Step) -> None:
        if self._message is None:
            _refuse(step, "a rule counts the octets of a message only")
        self._message += count

    def _hear(self, step: ClientSays | ClientSends) -> None:
        self._last = None
        if self._message is not None:
            if _ends(step):
                self._message = None
                self._asked.append(Act(Stage.DOT, step.line))
        elif self._secret:
            self._asked.append(Act(Stage.AUTH_STEP, step.line))
        else:
            self._asked.extend(_commands(step))

    def _next(self, step: ServerSays | ServerLeaves) -> Act:
        """Return what the server answers next, or does unasked."""
        if self._message is not None:
            act = Act(Stage.BODY, step.line)
            if self._message:
                act.words["after"] = f"{self._message}B"
            return act
        if self._asked:
            return self._asked.popleft()
        if not self.acts:
            return Act(Stage.BANNER, step.line)
        if not self._waited:
            _refuse(step, "nobody has asked, and the server does not wait", hint='a rule at "idle" does: S: …  # +60s')
        act = Act(Stage.IDLE, step.line, words={"age": f">={format_duration(self._waited)}"})
        self._waited = 0.0
        return act

    def _act(self, act: Act, **words: Word) -> None:
        act.words.update(words)
        if self._waited:
            act.words["wait"] = format_duration(self._waited)
        if act.stage is Stage.DOT and self._commit is not None:
            act.words["commit"] = self._commit
            self._commit = None
        self._said, self._waited, self._last = b"", 0.0, act
        self.acts.append(act)


def _worded(reply: Reply, octets: bytes) -> dict[str, Word] | None:
    """Return how a rule says a reply; None where it says other octets than these."""
    text = literal(f"{reply.code} " + "\n".join(reply.lines))
    try:
        same = ReplyTemplate(text).render({}).render() == octets
    except ValueError:
        return None
    return {"reply": text} if same else None


def _commands(step: ClientSays | ClientSends) -> Iterator[Act]:
    if isinstance(step, ClientSays):
        text = exact_of(step.pattern.text)
        if text is None:
            _refuse(step, "a rule needs to know which command this is", expected="a verb, such as C: RCPT TO:<*>")
        yield _command(text, step.line)
        return
    for line in step.octets.removesuffix(b"\n").split(b"\n"):
        yield _command(decode(line.removesuffix(b"\r")), step.line)


def _command(text: str, line: int) -> Act:
    verb, _, argument = text.partition(" ")
    stage = VERBS.get(verb.upper(), Stage.UNKNOWN)
    path = _PATH.fullmatch(argument)
    about = path["address"] if path else argument.strip()
    selector = _SELECTORS.get(stage)
    null = stage is Stage.MAIL and path is not None and not about
    who = {selector: about} if selector and (null or about not in _ANY) else {}
    return Act(stage, line, who)


def _ends(step: ClientSays | ClientSends) -> bool:
    """Whether a message ends with these lines."""
    if isinstance(step, ClientSays):
        return step.pattern.text == "."
    return _DOT.fullmatch(step.octets) is not None


def _seconds(wait: Duration | None) -> float:
    return 0.0 if wait is None else wait.seconds


def _refuse(step: Step, what: str, *, expected: str = "", hint: str = _STRICT) -> NoReturn:
    raise StepError(step.line, what, expected=expected, hint=hint)
