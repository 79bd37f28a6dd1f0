"""Decide what the server does: one event in, one Decision out.

Rule 1: the first rule that matches answers; every rule counts what it is about, whoever answers.
Rule 2: no clock, no chance, no I/O: time comes with the event, draws are hashes. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from maildrill.fakeserver.engine.answer import Shot
from maildrill.fakeserver.engine.counting import sharing
from maildrill.fakeserver.engine.event import PROCEEDING, Close, Decision, Event
from maildrill.fakeserver.engine.gates import Sieve
from maildrill.fakeserver.engine.keys import OF_SESSION, recipients_of
from maildrill.fakeserver.engine.lots import Draws
from maildrill.fakeserver.engine.matcher import Matcher, Play
from maildrill.fakeserver.engine.memory import Sessions, States
from maildrill.fakeserver.engine.selectors import View
from maildrill.fakeserver.engine.turn import Turn
from maildrill.fakeserver.language.script import Rule, Script, Unmatched
from maildrill.fakeserver.language.script_words import REPLYING
from maildrill.smtp import Stage

_PROCEED = Decision(PROCEEDING)
_CONNECT = Stage.CONNECT
#: The commands of a transaction, and whether a recipient is known at each.
_GROUP = {Stage.MAIL: False, Stage.RCPT: True, Stage.DATA: True}
#: The turn of a stage that no rule is about; all engines share it, for nothing is ever remembered there.
_NOBODY = Turn(_CONNECT, (), strict=False)


class Engine:
    """A script being played: it answers events and remembers what it has counted.

    seed: None means the script's. started: Unix seconds, what `during` counts from. explains: whether somebody asks
    what kept rules from answering an event.
    """

    def __init__(self, script: Script, seed: int | None = None, started: float = 0.0, *, explains: bool = True) -> None:
        self.script = script
        self.seed = script.seed if seed is None else seed
        self.started = started
        rules = script.played
        self._draws = Draws(self.seed)
        self._draw_lots = any(rule.lot for rule in rules)
        self._states = States()
        self._sessions = Sessions({sharing(rule) for rule in rules if rule.open is not None})
        self._watchful = self._draw_lots or self._sessions.counting
        self._marks = tuple(sorted({rule.after.octets for rule in rules if rule.after is not None}))
        play = Play(
            self.seed, started, script.hostname, self._draws, self._states, self._sessions, marks=bool(self._marks)
        )
        self._matchers = tuple(Matcher(rule, play) for rule in rules)
        strict = REPLYING if script.unmatched is Unmatched.FAIL else ()
        about = frozenset[Stage]().union(*(rule.stages for rule in rules))
        self._turns = dict.fromkeys(Stage, _NOBODY) | {
            stage: Turn(stage, self._matchers, strict=stage in strict) for stage in about
        }
        #: What says of addresses that an event need not come, by stage: where no rule is asked, always.
        self._needless: dict[Stage, Sieve] = {}
        for stage, turn in self._turns.items() if not self._watchful else ():
            if not turn.asked and stage is not _CONNECT:
                self._needless[stage] = _always
            elif turn.sieve is not None and not (turn.unsifted or turn.strict or explains):
                self._needless[stage] = turn.sieve
        #: Those of MAIL, RCPT and DATA, and whether a recipient is known by then; None where one of them always comes.
        self._asks: tuple[tuple[Sieve, bool], ...] | None = None
        if self._needless.keys() >= _GROUP.keys():
            sieves = ((self._needless[stage], named) for stage, named in _GROUP.items())
            self._asks = tuple((sieve, named) for sieve, named in sieves if sieve is not _always)
        self._of_sessions = tuple(one for one in self._matchers if _of_sessions(one.rule))

    def on(self, event: Event) -> Decision:
        """Return what to do at this event; never raises."""
        stage = event.stage
        if self._watchful or stage is _CONNECT:
            self._see(event)
        turn = self._turns[stage]
        if not turn.asked:
            return _PROCEED
        sifted = turn.sieve is not None and turn.sieve(recipients_of(event), event.reverse_path)
        asked = turn.unsifted if sifted else turn.asked
        if not asked:
            return turn.answer(event, asked, None, None, ())[0]
        view = View(event)
        winner: Matcher | None = None
        shot: Shot | None = None
        added: list[Shot] = []
        for matcher, gate, miss in asked:
            if winner is not None and not matcher.counts:
                continue
            if gate is not None and not gate(view):
                matcher.missed = miss
                continue
            fired = matcher.ask(view, winner)
            if fired is None:
                continue
            if matcher.passes:
                added.append(fired)
            else:
                winner, shot = matcher, fired
        decision, went_through = turn.answer(event, asked, winner, shot, added)
        self._settle(event, turn, decision, went_through)
        return decision

    def needless(self, stage: Stage, rcpts: Sequence[str] = (), path: str | None = None) -> bool:
        """Whether an event may be left out: no rule answers it, and nothing is learned from it.

        rcpts: whom it is about. path: the reverse-path. Of whom it cannot tell it says no.
        """
        sieve = self._needless.get(stage)
        return sieve is not None and sieve(rcpts, path)

    def goes_on(self, sender: str, rcpt: str) -> bool:
        """Whether neither MAIL, nor RCPT, nor DATA need be asked about: those of a transaction for one recipient."""
        if self._asks is None:
            return False
        return all(sieve((rcpt,) if named else (), sender) for sieve, named in self._asks)

    def _settle(self, event: Event, turn: Turn, decision: Decision, went_through: bool) -> None:  # noqa: FBT001
        """Let what comes of an event count from now on."""
        for matcher in turn.quotas:
            matcher.settle(event.at if went_through else None)
        self._states.settle()
        if event.stage is _CONNECT and Close(reset=True) in decision.actions:
            self.end(event.session)  # refused: there is no session

    def _see(self, event: Event) -> None:
        """Take note of an event for whatever rules may ask later."""
        stage = event.stage
        if stage is Stage.RCPT and self._draw_lots and event.rcpt is not None:
            self._draws.name(event.session, event.rcpt)
        if stage is Stage.CONNECT or self._sessions.counting:
            self._sessions.see(event)

    def idle_waits(self) -> tuple[float, ...]:
        """Return the seconds of silence after which the session must raise an IDLE event, ascending."""
        ages = (rule.age for rule in self._turns[Stage.IDLE].rules)
        return tuple(sorted({age.least for age in ages if age is not None}))

    def body_marks(self) -> tuple[int, ...]:
        """Return after how many octets of a message a BODY event must come besides the first, ascending."""
        return self._marks

    def end(self, session: int) -> None:
        """Forget a session that is over."""
        self._draws.forget(session)
        self._sessions.end(session)
        self._states.end(session)
        for matcher in self._of_sessions:
            matcher.end(session)

    def carry(self, old: Engine) -> None:
        """Take over from another engine what goes on: sessions, states, and what rules have counted that are equal.

        For a script that replaces another while sessions are open. Rules are equal with the same name and words.
        """
        before = {matcher.rule.name: matcher for matcher in old._matchers}
        for matcher in self._matchers:
            same = before.get(matcher.rule.name)
            if same is not None and same.rule == matcher.rule:
                matcher.carry(same)
        self._sessions.carry(old._sessions)
        self._states.carry(old._states)
        self._draws.carry(old._draws)

    def fired(self) -> Mapping[str, int]:
        """Return how often each rule fired, in the order of the script."""
        return {matcher.rule.name: matcher.fired for matcher in self._matchers}

    def unfired(self) -> tuple[str, ...]:
        """Return the names of the rules that never fired, in the order of the script; not what nobody has drawn."""
        return tuple(matcher.rule.name for matcher in self._matchers if not (matcher.fired or matcher.rule.lot))


def _always(_rcpts: Sequence[str], _path: str | None) -> bool:
    return True


def _of_sessions(rule: Rule) -> bool:
    """Whether a rule keeps something that ends with a session."""
    return bool({Stage.IDLE, Stage.BODY} & rule.stages) or not OF_SESSION.isdisjoint(rule.key)
