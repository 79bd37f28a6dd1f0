"""Lies about pairs of drills and about runs that crashed (I28 to I31, I38, I39, I43 to I45, I47, I48)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from maildrill.scenarios.mutants.changes import stated, tried
from maildrill.scenarios.mutants.told import good_drill
from maildrill.scenarios.oracles import Evidence, Life, Lives, Pair, Torn
from maildrill.sender.attempt import State, Verdict
from maildrill.sender.ending import Ending

PairLie = Callable[[Pair], Pair]
LivesLie = Callable[[Lives], Lives]


def good_pair() -> Pair:
    """Return two drills in which everything went the same way."""
    return Pair(left=good_drill(), right=good_drill())


def good_lives() -> Lives:
    """Return three runs: one killed behind a final dot, one asked to stop, one to the end."""
    whole = tried(good_drill(), "eve@x.test", row="recovered")
    killed = Life(number=1, began=990.0, ended=1400.4, crashed=True, intents=frozenset({"eve@x.test"}))
    stopped = Life(number=2, began=1500.0, ended=1501.0, stopped_at=1500.5, ending=Ending.LEFTOVERS, waiting=1)
    done = Life(number=3, began=1600.0, ended=1601.0, ending=Ending.DONE)
    torn = (Torn(octets=0, states={}), Torn(octets=900, states={"ann@x.test": State.DELIVERED}))
    return Lives(lives=(killed, stopped, done), whole=whole, torn=torn)


def _right(pair: Pair, change: Callable[[Evidence], Evidence]) -> Pair:
    return replace(pair, right=change(pair.right))


def _fails_bob(pair: Pair) -> Pair:
    return _right(pair, lambda evidence: stated(evidence, "bob@x.test", State.FAILED))


def judges_by_the_whole_code(pair: Pair) -> Pair:
    return _fails_bob(pair)


def believes_a_text(pair: Pair) -> Pair:
    return _right(pair, lambda evidence: tried(evidence, "dan@x.test", verdict=Verdict.FAILED))


def takes_a_packet_for_a_line(pair: Pair) -> Pair:
    return _fails_bob(pair)


def mixes_up_replies_in_a_group(pair: Pair) -> Pair:
    return _fails_bob(pair)


def lets_one_fail_for_another(pair: Pair) -> Pair:
    return _fails_bob(pair)


def waits_for_the_dead(pair: Pair) -> Pair:
    return replace(pair, left=tried(pair.left, "ann@x.test", ended=1800.0))


def delivers_less_in_one_session(pair: Pair) -> Pair:
    return _fails_bob(pair)


def draws_lots(pair: Pair) -> Pair:
    return _right(pair, lambda evidence: replace(evidence, events=(*evidence.events[:5], *evidence.events[6:])))


def stops_half_way_through_the_log(pair: Pair) -> Pair:
    return _right(pair, lambda evidence: replace(evidence, events=evidence.events[:-1]))


def _first(lives: Lives, **changes: object) -> Lives:
    return replace(lives, lives=(replace(lives.lives[0], **changes), *lives.lives[1:]))  # type: ignore[arg-type]


def forgets_its_intents(lives: Lives) -> Lives:
    return replace(lives, whole=tried(lives.whole, "eve@x.test", row="dot-lost"))


def doubts_without_an_intent(lives: Lives) -> Lives:
    return _first(lives, intents=frozenset())


def sent_a_dot_that_nobody_wrote_down(lives: Lives) -> Lives:
    attempts = tuple(one for one in lives.whole.attempts if one.recipient != "eve@x.test")
    return replace(_first(lives, intents=frozenset()), whole=replace(lives.whole, attempts=attempts))


def cannot_read_a_torn_file(lives: Lives) -> Lives:
    return replace(lives, torn=(Torn(octets=7, states={}, error="file is not a database"),))


def is_ahead_of_the_wire(lives: Lives) -> Lives:
    return replace(lives, torn=(Torn(octets=7, states={"cyd@x.test": State.DELIVERED}),))


def tears_up_a_stranger(lives: Lives) -> Lives:
    return replace(lives, torn=(Torn(octets=7, states={"zoe@x.test": State.PENDING}),))


def stops_in_the_middle_of_a_dot(lives: Lives) -> Lives:
    return _first(lives, crashed=False)


def calls_again_though_all_is_done(lives: Lives) -> Lives:
    return replace(lives, lives=(*lives.lives[:2], replace(lives.lives[2], ending=Ending.LEFTOVERS)))


def stops_as_if_all_were_done(lives: Lives) -> Lives:
    return replace(lives, lives=(lives.lives[0], replace(lives.lives[1], ending=Ending.DONE), lives.lives[2]))


TWIN_LIES: tuple[tuple[int, PairLie], ...] = (
    (28, judges_by_the_whole_code),
    (29, believes_a_text),
    (30, takes_a_packet_for_a_line),
    (31, mixes_up_replies_in_a_group),
    (44, lets_one_fail_for_another),
    (45, waits_for_the_dead),
    (47, delivers_less_in_one_session),
    (48, draws_lots),
    (48, stops_half_way_through_the_log),
)
RUN_LIES: tuple[tuple[int, LivesLie], ...] = (
    (38, forgets_its_intents),
    (38, doubts_without_an_intent),
    (38, sent_a_dot_that_nobody_wrote_down),
    (39, cannot_read_a_torn_file),
    (39, is_ahead_of_the_wire),
    (39, tears_up_a_stranger),
    (43, stops_in_the_middle_of_a_dot),
    (43, stops_as_if_all_were_done),
    (43, calls_again_though_all_is_done),
)
