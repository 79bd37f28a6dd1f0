"""A strict transcript at play: which session comes next, how far each got, and where the first difference was.

Shared by all sessions of a server; each connection plays the next session of the file. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from maildrill.fakeserver.language.steps import HEARD, ClientLeaves, Leaving, ServerLeaves, Session, Step, Transcript
from maildrill.fakeserver.text.transcript.writer import step_text
from maildrill.smtp import Reply, escape
from maildrill.smtp.quantity import format_duration
from maildrill.smtp.reply import MAX_LINE

_ROOM = MAX_LINE - len("554-5.3.0 \r\n")
_KEPT = 1000  # differences: a transcript that repeats may be met wrongly for ever
_TICK = 0.001  # seconds: two readings of a clock may differ by rounding


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a client did not do what the transcript says: `file:line`, what was expected there, what came instead."""

    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, got {self.got}"

    @property
    def reply(self) -> Reply:
        """What the client is told."""
        lines = (f"{self.where}: the transcript says otherwise", f"expected {self.expected}", f"got {self.got}")
        return Reply(554, tuple(f"5.3.0 {_cut(line)}" for line in lines))


class Part:
    """One session of the transcript, and how far it has been played. place: of the step that is being taken."""

    def __init__(self, session: Session, name: str) -> None:
        self.session = session
        self.place = 0
        self.over = False
        self._name = name

    @classmethod
    def none(cls) -> Part:
        """Return a part that is over already."""
        part = cls(Session((ClientLeaves(),)), "")
        part.over = True
        return part

    @property
    def refused(self) -> bool:
        """Whether the connection is refused; then that is all, and it is over."""
        step = self.step
        self.over = isinstance(step, ServerLeaves) and step.how is Leaving.REFUSE
        return self.over

    @property
    def step(self) -> Step | None:
        """The step that is being taken, None at the end."""
        return self.session.steps[self.place] if self.place < len(self.session.steps) else None

    @property
    def before(self) -> Step | None:
        """The step that was taken last."""
        return self.session.steps[self.place - 1] if self.place else None

    @property
    def at(self) -> tuple[Step, ...]:
        """The step that is being taken, and those behind it."""
        return self.session.steps[self.place :]

    @property
    def coming(self) -> tuple[Step, ...]:
        """The steps behind the one that is being taken."""
        return self.session.steps[self.place + 1 :]

    @property
    def waits(self) -> Step | None:
        """The next step that the client has yet to take, if there is one."""
        return None if self.over else next((step for step in self.at if isinstance(step, HEARD)), None)

    def where(self, step: Step | None) -> str:
        """Return `file:line` of a step, or of the session."""
        return f"{self._name}:{self.session.line if step is None else step.line}"

    def differs(self, step: Step | None, got: str, *, expected: str = "") -> Difference:
        """Return the difference between a step and what came."""
        wanted = expected or ("the end" if step is None else step_text(step))
        return Difference(self.where(step), escape(wanted), got)


class Play:
    """A transcript, played once for each server. differences: the first of each session, as they came, each once."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.differences: list[Difference] = []
        self._begun = 0
        self._parts: list[Part] = []  # that are not over, and the newest
        self._ended: float | None = None

    def begin(self, now: float) -> Part | Difference:
        """Return the part that a new connection plays, or why there is none for it."""
        sessions = self.transcript.sessions
        if self._begun >= len(sessions) and not self.transcript.repeat:
            return self._note(Difference(self.transcript.name, "no more connections", "one more"))
        part = Part(sessions[self._begun % len(sessions)], self.transcript.name)
        self._begun += 1
        self._parts = [*(one for one in self._parts if not one.over), part]
        later = part.session.later
        if later is not None and self._ended is not None and now - self._ended < later.seconds - _TICK:
            came = format_duration(now - self._ended)
            part.over = True
            return self._note(part.differs(None, f"one after {came}", expected=f"a connection {later.text} later"))
        return part

    def fail(self, part: Part, difference: Difference) -> None:
        """Note where a session went wrong; it is over with that."""
        if not part.over:
            part.over = True
            self._note(difference)

    def end(self, now: float) -> None:
        """Note that a session has ended."""
        self._ended = now

    def unmet(self) -> tuple[str, ...]:
        """Return what was not as the transcript says: differences, and what no client has done so far."""
        waiting = (part.differs(part.waits, "nothing so far") for part in self._parts if part.waits is not None)
        never = self.transcript.sessions[self._begun :]
        missing = (f"{self.transcript.name}:{session.line}: expected a connection, got none" for session in never)
        return (*map(str, self.differences), *map(str, waiting), *missing)

    def _note(self, difference: Difference) -> Difference:
        if difference not in self.differences and len(self.differences) < _KEPT:
            self.differences.append(difference)
        return difference


def _cut(line: str) -> str:
    octets = line.encode()
    return line if len(octets) <= _ROOM else octets[:_ROOM].decode(errors="ignore")
