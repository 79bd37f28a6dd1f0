"""Functions that answer in a script's place: who is asked, what becomes of the answer."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.engine.event import Close, Commit, Decision, Event, Proceed, Say
from maildrill.fakeserver.engine.functions import Function, Functions
from maildrill.fakeserver.session.host import AskedFirst
from maildrill.smtp import Reply, Stage


def at(stage: Stage) -> Event:
    return Event(stage=stage, at=0.0, session=1, client="192.0.2.1", rcpt="ann@x.test")


def functions(*answers: str | None, stage: Stage = Stage.RCPT) -> Functions:
    made = Functions()
    for number, answer in enumerate(answers, 1):
        made.all.append(Function(f"f{number}", frozenset({stage}), lambda _, answer=answer: answer))  # type: ignore[misc]
    return made


def test_the_first_that_answers_decides() -> None:
    """Who returns None passes; what never answered is known."""
    asked = functions(None, "450 4.2.1 busy", "550 5.1.1 no")

    assert asked.on(at(Stage.RCPT)) == Decision((Say(Reply.of("450 4.2.1 busy")),), "f2")
    assert asked.unfired() == ("f1", "f3")


def test_a_function_is_asked_at_its_stages_only() -> None:
    """Elsewhere it is as if it were not there."""
    assert functions("450 4.2.1 busy").on(at(Stage.MAIL)) is None


@pytest.mark.parametrize(("text", "taken"), [("250 2.0.0 ok", True), ("451 4.3.0 later", False)])
def test_at_the_dot_a_message_is_taken_if_the_reply_says_so(text: str, taken: bool) -> None:
    """As a rule would have it."""
    decision = functions(text, stage=Stage.DOT).on(at(Stage.DOT))

    assert decision == Decision((Commit(taken), Say(Reply.of(text))), "f1")


def test_421_closes_the_connection() -> None:
    """RFC 5321 section 3.8."""
    decision = functions("421 4.3.2 bye").on(at(Stage.RCPT))

    assert decision == Decision((Say(Reply.of("421 4.3.2 bye")), Close()), "f1")


@pytest.mark.parametrize("text", ["no", "999 no", "250 a\x00b"])
def test_what_is_no_reply_is_an_error(text: str) -> None:
    """Raised where the function was asked."""
    with pytest.raises(ValueError, match=r"."):
        functions(text).on(at(Stage.RCPT))


class Behind:
    """A decider that keeps what it was asked."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def on(self, event: Event) -> Decision:
        self.heard.append(event.stage)
        return Decision((Proceed(),))

    def idle_waits(self) -> tuple[float, ...]:
        return (60.0,)

    def body_marks(self) -> tuple[int, ...]:
        return (4096,)

    def end(self, session: int) -> None:
        self.heard.append(session)


def test_who_is_asked_first_may_leave_it_to_the_next() -> None:
    """Who never hears of what was decided before."""
    behind = Behind()
    both = AskedFirst(functions("450 4.2.1 busy").on, behind)

    decisions = [both.on(at(Stage.MAIL)), both.on(at(Stage.RCPT))]
    both.end(3)

    assert [decision.actions for decision in decisions] == [(Proceed(),), (Say(Reply.of("450 4.2.1 busy")),)]
    assert behind.heard == [Stage.MAIL, 3]
    assert (both.idle_waits(), both.body_marks()) == ((60.0,), (4096,))
