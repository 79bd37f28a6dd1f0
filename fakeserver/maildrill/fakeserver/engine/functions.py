"""Answers that Python functions give, asked before the script: for what no rule can say.

A function gets the Event and returns the text of a reply, or None to leave the event to the next one, and in the end
to the script, which never hears of an event that a function answers. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from maildrill.fakeserver.engine.event import Action, Close, Commit, Decision, Event, Say
from maildrill.fakeserver.language.script_words import CLOSING
from maildrill.smtp import Reply, Stage

Answer: TypeAlias = Callable[[Event], "str | None"]


@dataclass(slots=True)
class Function:
    """One function: its name for people, the stages at which it is asked, and how often it has answered."""

    name: str
    stages: frozenset[Stage]
    answer: Answer
    fired: int = field(default=0)


class Functions:
    """Some functions in order; the first that answers decides."""

    def __init__(self) -> None:
        self.all: list[Function] = []

    def on(self, event: Event) -> Decision | None:
        """Return what a function decides, or None; raises what a function raises, and ValueError for no reply."""
        for function in self.all:
            if event.stage in function.stages:
                text = function.answer(event)
                if text is not None:
                    function.fired += 1
                    return _decision(function.name, event.stage, text)
        return None

    def unfired(self) -> tuple[str, ...]:
        """Return the names of the functions that never answered."""
        return tuple(function.name for function in self.all if not function.fired)


def _decision(name: str, stage: Stage, text: str) -> Decision:
    reply = Reply.of(text)
    reply.render()  # refuses what would be no reply on the wire
    actions: list[Action] = [Commit(reply.positive)] if stage is Stage.DOT else []
    actions.append(Say(reply))
    if reply.code == CLOSING:
        actions.append(Close())
    return Decision(tuple(actions), name)
