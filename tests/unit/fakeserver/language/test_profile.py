"""Profiles: mixes of which each attempt draws one item, and that item decides at all stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import Close, Event, Proceed, Say
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.profile import Item, Profile
from maildrill.fakeserver.language.script import Rule, RuleError, Script, Unmatched, merge_scripts
from maildrill.fakeserver.language.script_words import Cut
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.smtp import Stage

GONE = Rule(name="mixed/2", at=(Stage.RCPT,), replies=(ReplyTemplate("550 5.1.1 no such user"),))
LATER = Rule(name="mixed/3", at=(Stage.DOT,), replies=(ReplyTemplate("421 4.7.28 rate"),))
MIXED = Profile(name="mixed", domain=(Pattern("*.test"),), mix=(Item(60), Item(20, GONE), Item(20, LATER)))
DOWN = Rule(name="flaky/1", at=(Stage.BANNER, Stage.MAIL), replies=(ReplyTemplate("421 4.3.2 down"),))
PEOPLE = [f"user{n}@x.test" for n in range(400)]


def event(stage: Stage, rcpt: str = "ann@x.test", session: int = 1) -> Event:
    at_rcpt = stage is Stage.RCPT
    return Event(
        stage=stage,
        at=0.0,
        session=session,
        client="192.0.2.1",
        reverse_path="news@shop.test",
        rcpt=rcpt if at_rcpt else None,
        recipients=() if at_rcpt else (rcpt,),
    )


def code(engine: Engine, asked: Event) -> int:
    """Return what is said, 0 for what a correct server says."""
    return next((action.reply.code for action in engine.on(asked).actions if isinstance(action, Say)), 0)


def attempt(engine: Engine, rcpt: str, session: int = 1) -> int:
    """Return what one attempt at a recipient comes to: the code at RCPT, else that at the dot, else 0."""
    return code(engine, event(Stage.RCPT, rcpt, session)) or code(engine, event(Stage.DOT, rcpt, session))


def attempts(profiles: Sequence[Profile], people: Sequence[str], seed: int = 7) -> dict[str, int]:
    engine = Engine(Script(profiles=tuple(profiles)), seed)
    return {rcpt: attempt(engine, rcpt) for rcpt in people}


def test_items_come_as_often_as_they_weigh() -> None:
    """Of 400 recipients a fifth each draws the refusal and the deferral, within what chance allows."""
    counts = Counter(attempts([MIXED], PEOPLE).values())

    assert 55 <= counts[550] <= 105
    assert 55 <= counts[421] <= 105
    assert counts[0] == 400 - counts[550] - counts[421]


def test_weights_need_not_sum_to_100() -> None:
    """They are shares of their sum."""
    tenths = Profile(name="mixed", domain=MIXED.domain, mix=(Item(0.6), Item(0.2, GONE), Item(0.2, LATER)))

    assert attempts([MIXED], PEOPLE) == attempts([tenths], PEOPLE)


def test_one_draw_decides_at_all_stages() -> None:
    """Who has not drawn the item at RCPT may have drawn the one at the dot; nobody has both."""
    engine = Engine(Script(profiles=(MIXED,)), 7)
    both = [(code(engine, event(Stage.RCPT, rcpt)), code(engine, event(Stage.DOT, rcpt))) for rcpt in PEOPLE]

    assert set(both) == {(0, 0), (550, 0), (0, 421)}


def test_a_mix_that_is_all_faults_lets_nobody_through() -> None:
    """Shares are not drawn twice: half and half is everybody."""
    mix = Profile(name="all", mix=(Item(1, GONE), Item(1, LATER)))

    assert 0 not in attempts([mix], PEOPLE).values()


def test_each_attempt_draws_anew() -> None:
    """A recipient who was refused may be let through the next time."""
    engine = Engine(Script(profiles=(MIXED,)), 7)
    first = [attempt(engine, rcpt) for rcpt in PEOPLE]
    second = [attempt(engine, rcpt) for rcpt in PEOPLE]

    assert first != second


def test_sessions_go_on_with_the_attempts_that_they_began() -> None:
    """Two workers with the same recipient at once: each is told at the dot what its own RCPT drew."""
    alone = Engine(Script(profiles=(MIXED,)), 7)
    one_by_one = {rcpt: [attempt(alone, rcpt), attempt(alone, rcpt, 2)] for rcpt in PEOPLE}
    together = Engine(Script(profiles=(MIXED,)), 7)
    for rcpt in PEOPLE:
        at_rcpt = [code(together, event(Stage.RCPT, rcpt, session)) for session in (1, 2)]
        at_dot = [code(together, event(Stage.DOT, rcpt, session)) for session in (1, 2)]

        assert [first or last for first, last in zip(at_rcpt, at_dot, strict=True)] == one_by_one[rcpt]


def test_a_script_that_is_loaded_anew_goes_on_with_the_attempts() -> None:
    """What is under way stays as it was drawn, and the next attempt is the next one."""
    script = Script(profiles=(MIXED,))
    whole, before, after = (Engine(script, 7) for _ in range(3))
    expected = [(code(whole, event(Stage.RCPT, rcpt)), code(whole, event(Stage.DOT, rcpt))) for rcpt in PEOPLE]
    again = [attempt(whole, rcpt) for rcpt in PEOPLE]
    at_rcpt = [code(before, event(Stage.RCPT, rcpt)) for rcpt in PEOPLE]
    after.carry(before)

    assert [*zip(at_rcpt, [code(after, event(Stage.DOT, rcpt)) for rcpt in PEOPLE], strict=True)] == expected
    assert [attempt(after, rcpt) for rcpt in PEOPLE] == again


def test_other_domains_do_not_draw() -> None:
    """A profile is for its domain."""
    assert set(attempts([MIXED], [f"user{n}@elsewhere.example" for n in range(50)]).values()) == {0}


def test_a_message_is_refused_for_the_first_recipient_who_drew_it() -> None:
    """At the dot all recipients are asked, each with its own draw."""
    drawn = attempts([MIXED], PEOPLE)
    unlucky = next(rcpt for rcpt, said in drawn.items() if said == 421)
    lucky = [rcpt for rcpt, said in drawn.items() if said == 0][:3]
    engine = Engine(Script(profiles=(MIXED,)), 7)
    for rcpt in (*lucky, unlucky):
        engine.on(event(Stage.RCPT, rcpt))
    dot = Event(
        stage=Stage.DOT,
        at=0.0,
        session=1,
        client="c",
        reverse_path="news@shop.test",
        recipients=(*lucky, unlucky),
    )

    assert code(engine, dot) == 421


def test_what_comes_before_rcpt_is_drawn_for_each_session() -> None:
    """All stages of a session draw the same; a forgotten session draws the same again."""
    engine = Engine(Script(profiles=(Profile(name="flaky", mix=(Item(1, DOWN), Item(3))),)), 7)
    down = [
        {code(engine, event(stage, session=session)) for stage in (Stage.BANNER, Stage.MAIL)}
        for session in range(1, 201)
    ]
    counts = Counter(frozenset(codes) for codes in down)
    engine.end(1)

    assert set(counts) == {frozenset({0}), frozenset({421})}
    assert 30 <= counts[frozenset({421})] <= 70
    assert {code(engine, event(Stage.BANNER, session=1))} == down[0]


def test_rules_come_before_profiles() -> None:
    """What a script says of someone by name is not left to chance."""
    vip = Rule(name="vip", at=(Stage.RCPT, Stage.DOT), replies=(ReplyTemplate("250 2.0.0 welcome"),))
    engine = Engine(Script(rules=(vip,), profiles=(MIXED,)), 7)

    assert {attempt(engine, rcpt) for rcpt in PEOPLE} == {250}


def test_what_nobody_has_drawn_is_not_unused() -> None:
    """A rule that never fired tests nothing; an item that never came up is chance."""
    never = Rule(name="never", at=(Stage.NOOP,))
    engine = Engine(Script(rules=(never,), profiles=(MIXED,)), 7)

    assert engine.unfired() == ("never",)
    assert dict(engine.fired()) == {"never": 0, "mixed/2": 0, "mixed/3": 0}


def test_a_strict_script_says_who_has_not_drawn() -> None:
    """A profile alone makes no stage strict; beside a rule it is a near miss."""
    settings = Settings(unmatched=Unmatched.FAIL)
    only = Rule(name="only", at=(Stage.RCPT,), rcpt=(Pattern("only@*"),))
    lenient = Engine(Script(profiles=(MIXED,), server=settings), 7)
    strict = Engine(Script(rules=(only,), profiles=(MIXED,), server=settings), 7)
    lucky = next(rcpt for rcpt in PEOPLE if attempts([MIXED], [rcpt])[rcpt] == 0)
    flaky = Script(rules=(Rule(name="x", at=(Stage.MAIL,), reverse_path=(Pattern("x"),)),), server=settings)
    down = Profile(name="flaky", mix=(Item(1, DOWN), Item(1e9)))
    by_session = Engine(merge_scripts([flaky, Script(profiles=(down,))]), 7)

    assert lenient.on(event(Stage.RCPT, lucky)).actions == (Proceed(),)
    assert [str(miss) for miss in strict.on(event(Stage.RCPT, lucky)).near_misses] == [
        'mixed/2: weight = 20 of 100 in the profile "mixed" but another lot was drawn',
        f'only: rcpt = "only@*" but rcpt is {lucky}',
    ]
    assert [str(miss) for miss in by_session.on(event(Stage.MAIL)).near_misses] == [
        'x: from = "x" but from is news@shop.test',
        'flaky/1: weight = 1 of 1e+09 in the profile "flaky" but another lot was drawn',
    ]


def test_names_stay_unique_when_scripts_are_merged() -> None:
    """The same profile twice is two profiles that draw each for itself."""
    merged = merge_scripts([Script(profiles=(MIXED,))] * 2)
    second = merged.profiles[1]

    assert [profile.name for profile in merged.profiles] == ["mixed", "mixed#2"]
    assert [item.rule.name for item in second.mix if item.rule] == ["mixed/2#2", "mixed/3#2"]


def test_an_item_can_do_whatever_a_rule_can() -> None:
    """It is a rule like any other."""
    cut = Profile(name="cuts", mix=(Item(1, Rule(name="cuts/1", at=(Stage.RCPT,), cut=Cut.RST)),))

    assert Engine(Script(profiles=(cut,))).on(event(Stage.RCPT)).actions == (Close(reset=True),)


ANYWHERE = Rule(name="r", rcpt=(Pattern("a*"),))
EVERYWHERE = Rule(name="r", at=(Stage.BANNER, Stage.RCPT))
OTHERS = Rule(name="r", at=(Stage.RCPT,), domain=(Pattern("x.test"),))


@pytest.mark.parametrize(
    ("made", "key", "words"),
    [
        (lambda: Item(0), "weight", "weight is 0"),
        (lambda: Item(float("nan")), "weight", "weight is nan"),
        (lambda: Item(1e10), "weight", "weight is 1e"),
        (lambda: Item(1, ANYWHERE), "at", "no place"),
        (lambda: Item(1, EVERYWHERE), "at", "each session"),
        (lambda: Profile(name="p", domain=MIXED.domain, mix=(Item(1, DOWN),)), "at", 'not at "banner"'),
        (lambda: Profile(name="p", domain=MIXED.domain, mix=(Item(1, OTHERS),)), "domain", "which domains"),
        (lambda: Profile(name="", mix=(Item(1),)), "name", 'called ""'),
        (lambda: Profile(name="a\nb", mix=(Item(1),)), "name", r"called"),
        (lambda: Profile(name="p", mix=()), "mix", "empty"),
    ],
)
def test_a_profile_that_exists_can_be_played(made: object, key: str, words: str) -> None:
    """Everything else is refused when it is made, with the key that is wrong."""
    assert callable(made)
    with pytest.raises(RuleError, match=words) as caught:
        made()

    assert caught.value.key == key
