"""More defects, seeded in the sender: of pace and patience, of words and letters, of what is written down.

What a defect breaks is its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.mutants.seeded import judging
from maildrill.sender import desk, destination, runner, standing
from maildrill.sender.attempt import Ruling, State, Transaction, Verdict
from maildrill.sender.capabilities import Capabilities
from maildrill.sender.channel import Channel
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.dialogue import Session
from maildrill.sender.dispatch import Dispatch
from maildrill.sender.gate import Gate
from maildrill.sender.hearing import Hearing
from maildrill.sender.intention import Intention
from maildrill.sender.lane import Lane
from maildrill.sender.letters import Letter, Letters
from maildrill.sender.merge.template import Template
from maildrill.sender.message import Composer
from maildrill.sender.octets import Content
from maildrill.sender.pacing import limits
from maildrill.sender.pacing.breaker import Breaker
from maildrill.sender.pacing.limits import Effective
from maildrill.sender.pacing.pace import Together
from maildrill.sender.standing import Standing
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Reply, Said


def sleeps_too_long(patch: Patching) -> None:
    honest = runner.Runner._wait

    async def late(self: runner.Runner, now: float) -> None:
        await honest(self, now)
        if not self._dispatch.busy:
            self._log.emit("run.waited", self._clock.now(), until=self._clock.now() + 900.0)
            await self._clock.sleep(900.0)

    patch.setattr(runner.Runner, "_wait", late)


def obeys_what_a_text_says(patch: Patching) -> None:
    _obeying(patch, "wait 5 seconds", 5.0)


def stays_away_for_as_long_as_a_text_says(patch: Patching) -> None:
    _obeying(patch, "wait 30 hours", 30 * 3600.0)


def _obeying(patch: Patching, words: str, seconds: float) -> None:
    honest = standing.after

    def after(before: Standing, ruling: Ruling, *rest: Any, now: float, **more: Any) -> Standing:
        found = honest(before, ruling, *rest, now=now, **more)
        told = ruling.reply is not None and words in ruling.reply.text
        return replace(found, due=now + seconds) if told and found.due is not None else found

    patch.setattr(desk, "after", after)


def never_waits_for_a_host(patch: Patching) -> None:
    patch.setattr(Breaker, "allows", lambda *_: True)
    patch.setattr(Gate, "allows", lambda _, __, sessions: sessions < 1)


def is_due_in_the_past(patch: Patching) -> None:
    patch.setattr(standing, "next_attempt", lambda *_, now, **__: now - 5.0)


def loses_patience(patch: Patching) -> None:
    patch.setattr(runner, "Deadlines", lambda: Deadlines(dot=7.0))


def opens_all_it_can(patch: Patching) -> None:
    honest = Dispatch.__init__

    def generous(dispatch: Dispatch, shop: Any, places: int, *rest: Any) -> None:
        honest(dispatch, shop, places + 9, *rest)

    patch.setattr(Dispatch, "__init__", generous)
    patch.setattr(Gate, "allows", lambda *_: True)


def forgets_its_pace(patch: Patching) -> None:
    patch.setattr(Together, "wait", lambda *_: 0.0)


def never_ends_a_session(patch: Patching) -> None:
    honest = limits.effective

    def endless(*facts: Any, **more: Any) -> Effective:
        return replace(honest(*facts, **more), messages=1000)

    patch.setattr(destination, "effective", endless)


def asks_for_ever_whoever_is_too_many_alone(patch: Patching) -> None:
    def spare(lane: Lane, rulings: Sequence[Ruling]) -> None:
        lane._free.update(ruling.recipient for ruling in rulings if ruling.again)

    patch.setattr(Lane, "_spare", spare)


def never_goes_home(patch: Patching) -> None:
    honest = runner.Runner.run

    async def run(self: runner.Runner) -> runner.RunSummary:
        done = await honest(self)
        while not done.states.keys() <= {State.DELIVERED}:
            await self._clock.sleep(30.0)
        return done

    patch.setattr(runner.Runner, "run", run)


def charges_for_one_too_many(patch: Patching) -> None:
    def charged(_: Transaction, one: Ruling) -> Ruling:
        return replace(one, verdict=Verdict.DEFERRED, again=False) if one.row == "rcpt-too-many" else one

    judging(patch, charged)


def forgets_to_reset(patch: Patching) -> None:
    async def forgetful(_: Session, __: Hearing) -> None: ...

    patch.setattr(Session, "_reset", forgetful)


def believes_what_is_said_to_rset(patch: Patching) -> None:
    honest, answer = Session._reset, Channel.answer
    heard: list[Reply] = []

    async def listening(self: Channel, seconds: float) -> Reply:
        heard.append(await answer(self, seconds))
        return heard[-1]

    async def impressed(self: Session, hearing: Hearing) -> None:
        await honest(self, hearing)
        if not heard[-1].positive:
            hearing.rcpt = [heard[-1]] * len(hearing.rcpt)

    patch.setattr(Channel, "answer", listening)
    patch.setattr(Session, "_reset", impressed)


def tells_the_size_to_everybody(patch: Patching) -> None:
    patch.setattr(Capabilities, "size", 0)


def asks_everybody_for_reports(patch: Patching) -> None:
    patch.setattr(Capabilities, "dsn", True)


def sends_chunks_to_everybody(patch: Patching) -> None:
    patch.setattr(Capabilities, "chunking", True)


def tells_of_the_blind_copy(patch: Patching) -> None:
    honest = Composer.compose

    def telling(composer: Composer, *facts: Any, **more: Any) -> Content:
        return Content((b"Bcc: boss@sender.example\r\n", *honest(composer, *facts, **more).pieces))

    patch.setattr(Composer, "compose", telling)


def writes_no_intent(patch: Patching) -> None:
    async def careless(_: Intention, __: tuple[str, ...]) -> None: ...

    patch.setattr(Intention, "write", careless)


def changes_the_message_id(patch: Patching) -> None:
    numbers = count()

    def changing(letters: Letters, batch: Sequence[Any]) -> Letter:
        letter = letters._composed(batch[0].key)
        old, new = letter.message_id.encode(), f"<{next(numbers)}@sender.example>".encode()
        return replace(letter, content=Content.of(letter.content.whole().replace(old, new)))

    patch.setattr(Letters, "letter", changing)


def gives_everybody_the_default(patch: Patching) -> None:
    patch.setattr(Template, "fill", lambda _, tag, __: tag.default or "")


def foretells_another_message(patch: Patching) -> None:
    honest = Letters._composed
    patch.setattr(Letters, "_composed", lambda letters, key: replace(honest(letters, key), body_hash="0" * 32))


def loses_lines_of_the_log(patch: Patching) -> None:
    honest = ConnectionLog.lines

    def selective(log: ConnectionLog, session: int, at: float, said: Said) -> None:
        kept = [(mark, text) for mark, text in said if not text.startswith("RCPT")]
        if kept:
            honest(log, session, at, kept)

    patch.setattr(ConnectionLog, "lines", selective)


def numbers_all_sessions_alike(patch: Patching) -> None:
    patch.setattr(Dispatch, "number", lambda _: 1)


def fails_recipients_for_a_login(patch: Patching) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.FAILED) if one.verdict is Verdict.HELD else one)
