"""A fake server as a test sees it: what it is to say (a builder), what it saw, and what is wrong with that.

Wherever it runs: `testing` has it in a thread, the pytest plugin in the virtual world too.
Rule: everything of the running server is read through `at_rest`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from maildrill.fakeserver.authoring.python_words import caller, table
from maildrill.fakeserver.builder import ScriptBuilder
from maildrill.fakeserver.engine.functions import Answer, Function, Functions
from maildrill.fakeserver.harness.complaints import Complaint, Kind, allowed, complain
from maildrill.fakeserver.harness.evidence import evidence, transcript
from maildrill.fakeserver.journal.expectations import unmet
from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.journal.record import Message, RecipientRecord
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.rule_file import read_rule
from maildrill.smtp import MaildrillError

T = TypeVar("T")


class Complained(MaildrillError, AssertionError):  # noqa: N818 - the name says what happened
    """A test went well, and yet something is wrong; `complaints` says what."""

    def __init__(self, complaints: tuple[Complaint, ...]) -> None:
        kinds = ", ".join(f'"{kind}"' for kind in dict.fromkeys(complaint.kind for complaint in complaints))
        super().__init__(
            "\n".join(map(str, complaints)),
            hint=f"found by the fake SMTP server; what is meant to be so can be allowed by name: allow=[{kinds}]",
        )
        self.complaints = complaints


class Scripted(ScriptBuilder):
    """What a test says to a fake server, and asks of it. All of ScriptBuilder: `server.rcpt("ann@*").refuse()`.

    script: what holds behind the rules that are built; borrowed: names of its rules that come from what it uses.
    """

    def __init__(self, script: Script | None = None, *, borrowed: Collection[str] = ()) -> None:
        super().__init__(script, self._load, borrowed=borrowed)
        self._functions = Functions()
        self._read = 0  # messages that the test has looked at: those up to this number
        self._fake: FakeServer | None = None

    def clear(self) -> None:
        """Take back the rules and functions of the test; what is told of it is up to the caller."""
        super().clear()
        self._functions.all.clear()
        self._read = 0

    def _load(self, script: Script) -> None:
        """Have the server play what has been built."""
        if self._fake is not None:
            fake = self._fake
            self._at_rest(lambda: fake.load(script))

    def _at_rest(self, function: Callable[[], T]) -> T:
        """Return what a function returns, called while the server holds still."""
        return function()

    def _settled(self, function: Callable[[], T]) -> T:
        """Return what a function returns, called when all that clients have sent was heard."""
        return self._at_rest(function)

    def _see(self, function: Callable[[Journal], T]) -> T:
        """Return what a function reads in the journal at rest; the test has then looked at what came so far."""

        def look() -> T:
            self._read = self._journal.messages_received
            return function(self._journal)

        return self._at_rest(look)

    @property
    def _journal(self) -> Journal:
        return Journal() if self._fake is None else self._fake.journal

    def decide(self, *at: str) -> Callable[[Answer], Answer]:
        """Have a function answer at these stages: it gets the Event, and returns a reply's text, or None to pass.

        It is asked before the rules, in the thread of the server; what it raises fails the test.
        """
        place = caller()
        stages = read_rule(table("rule", {"at": at or "*"}, place), "at").stages

        def decorator(answer: Answer) -> Answer:
            name = f"{place} {getattr(answer, '__name__', 'function')}"
            self._functions.all.append(Function(name, stages, answer))
            return answer

        return decorator

    @property
    def journal(self) -> Journal:
        """All that the server saw and did, to be read while no client talks."""
        return self._see(lambda journal: journal)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages that the server took, in order: parsed, with their envelope, and raw."""
        return self._see(lambda journal: tuple(message for message in journal.messages if message.committed))

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whom the server took messages for, in order, each as often as there was one."""
        return tuple(rcpt for message in self.messages for rcpt in message.committed_for)

    @property
    def ledger(self) -> dict[str, RecipientRecord]:
        """What became of each address that RCPT named: asked, committed, acknowledged."""
        return self._see(lambda journal: {record.address: record for record in journal.ledger})

    def committed(self, rcpt: str) -> int:
        """Return how many messages for an address the server took."""
        return self._see(lambda journal: journal.committed(rcpt))

    def acknowledged(self, rcpt: str) -> int:
        """Return how many messages for an address the client was told are taken."""
        return self._see(lambda journal: journal.acknowledged(rcpt))

    def transcript(self, session: int | None = None) -> str:
        """Return who said what in a session, or in all of them; escaped."""
        return self._see(lambda journal: transcript(journal, session))

    def complaints(self, allow: Iterable[str] = ()) -> tuple[Complaint, ...]:
        """Return what is wrong with what has happened so far, but for the kinds that are allowed."""
        return _but(allowed(allow), self._at_rest(self._complaints))

    def check(self, allow: Iterable[str] = ()) -> None:
        """Raise what failed within the server, else Complained if anything is wrong that is not allowed.

        What clients have sent so far is heard first.
        """
        kinds = allowed(allow)
        complaints = self._settled(self._complaints)
        self.check_health()
        if left := _but(kinds, complaints):
            raise Complained(left)

    def check_health(self) -> None:
        """Raise what failed within the server."""

    def evidence(self) -> dict[str, str]:
        """Return what explains a failure, by title: the transcripts, and why rules did not fit; escaped."""
        return self._at_rest(lambda: evidence(self._journal))

    def _complaints(self) -> tuple[Complaint, ...]:
        journal, script = self._journal, self.script
        # Neither what a profile may draw nor what a script borrows has to be of use in each test.
        wanted = [one.name for one in script.named if one.place.header not in self._borrowed]
        idle = frozenset(wanted if self._fake is None else self._fake.unfired())
        unfired = (*self._functions.unfired(), *(name for name in wanted if name in idle))
        play = None if self._fake is None else self._fake.play
        missing = (*(() if play is None else play.unmet()), *map(str, unmet(script.expectations, journal)))
        read = journal.messages_received if script.expectations or play else self._read  # who expects has looked
        unread = [message for message in journal.messages if message.committed and message.number > read]
        return complain(script, journal.entries, unmet=missing, unfired=unfired, unread=unread)


def _but(kinds: frozenset[Kind], complaints: tuple[Complaint, ...]) -> tuple[Complaint, ...]:
    return tuple(complaint for complaint in complaints if complaint.kind not in kinds)
