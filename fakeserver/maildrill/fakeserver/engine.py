"""Decide what the server does: one event in, one Decision out.

Rule 1: the first rule that matches answers; every rule counts what it is about, whoever answers.
Rule 2: no clock, no chance, no I/O: time comes with the event, draws are hashes. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from maildrill.fakeserver.answer import UNMATCHED, answer
from maildrill.fakeserver.event import Decision, Event, Proceed
from maildrill.fakeserver.lots import Draws
from maildrill.fakeserver.matcher import Matcher, Play, Shot
from maildrill.fakeserver.rule_writer import said
from maildrill.fakeserver.script import Script, Unmatched
from maildrill.fakeserver.script_words import REPLYING
from maildrill.smtp import Stage

_PROCEED = Decision((Proceed(),))


class Engine:
    """A script being played: it answers events and remembers what it has counted.

    seed: None means the script's. started: Unix seconds, what `during` counts from.
    """

    def __init__(self, script: Script, seed: int | None = None, started: float = 0.0) -> None:
        self.script = script
        self.seed = script.seed if seed is None else seed
        self.started = started
        self._transactions: dict[int, int] = {}
        self._draws = Draws(self.seed)
        play = Play(self.seed, started, script.hostname, self._transactions, self._draws)
        self._matchers = tuple(Matcher(rule, play) for rule in script.played)
        self._draw_lots = any(matcher.rule.lot for matcher in self._matchers)
        self._at: dict[Stage, tuple[Matcher, ...]] = {
            stage: tuple(matcher for matcher in self._matchers if stage in matcher.rule.stages) for stage in Stage
        }
        strict = script.unmatched is Unmatched.FAIL
        self._strict = frozenset(
            stage for stage in REPLYING if strict and any(not matcher.rule.lot for matcher in self._at[stage])
        )

    def on(self, event: Event) -> Decision:
        """Return what to do at this event; never raises."""
        if event.stage is Stage.MAIL:
            self._transactions[event.session] = self._transactions.get(event.session, 0) + 1
        elif event.stage is Stage.RCPT and self._draw_lots and event.rcpt is not None:
            self._draws.name(event.session, event.rcpt)
        shot: Shot | None = None
        quotas: list[Matcher] = []
        for matcher in self._at[event.stage]:
            if shot is not None and not matcher.counts:
                continue
            shot = matcher.ask(event, decided=shot is not None) or shot
            if matcher.rule.over is not None:
                quotas.append(matcher)
        if shot is not None:
            decision, went_through = answer(shot.rule, event.stage, shot.reply)
        else:
            decision = self._unmatched(event.stage)
            went_through = not decision.unmatched
        for matcher in quotas:
            matcher.settle(event, went_through=went_through)
        return decision

    def carry(self, before: Engine) -> None:
        """Go on where another engine is: rules that are here too, unchanged, keep what they have counted."""
        known = {matcher.rule.name: matcher for matcher in before._matchers}
        for matcher in self._matchers:
            other = known.get(matcher.rule.name)
            if other is not None and other.rule == matcher.rule:
                matcher.carry(other)
        self._transactions.update(before._transactions)

    def _unmatched(self, stage: Stage) -> Decision:
        if stage not in self._strict:
            return _PROCEED
        near = tuple(f"{matcher.rule.name}: {said(matcher.rule, matcher.missed)}" for matcher in self._at[stage])
        return replace(UNMATCHED[stage], near_misses=near)

    def idle_waits(self) -> tuple[float, ...]:
        """Return the seconds of silence after which the session must raise an IDLE event, ascending."""
        ages = (matcher.rule.age for matcher in self._at[Stage.IDLE])
        return tuple(sorted({age.least for age in ages if age is not None}))

    def body_marks(self) -> tuple[int, ...]:
        """Return after how many octets of a message a BODY event must come besides the first, ascending."""
        return ()

    def end(self, session: int) -> None:
        """Forget a session that is over."""
        self._transactions.pop(session, None)
        self._draws.forget(session)

    def fired(self) -> Mapping[str, int]:
        """Return how often each rule fired, in the order of the script."""
        return {matcher.rule.name: matcher.fired for matcher in self._matchers}

    def unfired(self) -> tuple[str, ...]:
        """Return the names of the rules that never fired, in the order of the script; not what nobody has drawn."""
        return tuple(matcher.rule.name for matcher in self._matchers if not (matcher.fired or matcher.rule.lot))
