"""Properties of the script language: files, rules and the engine, for any script, event and text."""

from __future__ import annotations

import tomllib
from collections import Counter
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from maildrill.fakeserver.authoring.schema import script_schema
from maildrill.fakeserver.engine.counting import sharing
from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import (
    PROCEEDING,
    Advertise,
    Close,
    Commit,
    Event,
    HandOn,
    Proceed,
    Raw,
    Say,
    Shake,
    Sip,
    Wait,
)
from maildrill.fakeserver.engine.gates import gate, sieve
from maildrill.fakeserver.engine.keys import recipients_of
from maildrill.fakeserver.engine.lots import Draws
from maildrill.fakeserver.engine.matcher import Matcher, Play
from maildrill.fakeserver.engine.memory import Sessions, States
from maildrill.fakeserver.engine.selectors import View
from maildrill.fakeserver.language.destination import Destination
from maildrill.fakeserver.language.octets import Drip, Octets, Size, Tease
from maildrill.fakeserver.language.pattern import Pattern, meant_by, select
from maildrill.fakeserver.language.script import Rule, RuleError, Script, Unmatched
from maildrill.fakeserver.language.script_words import Cut, Handshake, Key, Mangle, Then
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.language.span import Age, Amount, Attempts, During, Pause, Quota
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.fakeserver.text.rule_writer import said
from maildrill.fakeserver.text.script_file import read_script, script_to_toml
from maildrill.smtp import ConfigurationError, Stage
from maildrill.smtp.stage import SERVED

SCHEMA = Draft202012Validator(script_schema())
ORDER = (Wait, HandOn, Commit, Advertise, Sip, Say | Proceed | Raw | Shake, Close)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = TEXTS.filter(lambda text: bool(text) and text.isprintable())
SECONDS = st.floats(0, 1e6, allow_nan=False)
ADDRESSES = st.sampled_from(("ann@x.test", "bob@x.test", "Ann@y.test", "eve@[192.0.2.1]", "")) | TEXTS
AMOUNTS = st.builds(Amount, st.sampled_from((">1000", "<=10", "1..5")))
PATTERNS = st.builds(
    Pattern, st.sampled_from(("*@x.test", "!bob@*", "~^a", r"~(?P<name>\w+)@", "", "!")) | TEXTS.map(lambda t: "*" + t)
)
REPLIES = st.builds(
    ReplyTemplate,
    st.sampled_from(
        (
            "250 2.0.0 {id} {n}",
            "354 go",
            "421 {hostname}",
            "450 4.2.1 <{rcpt}>\n{from} {domain}",
            "552 {{{now}}}",
            "550 5.1.1 {name}",
            "{name} {n}\nmore",
        )
    ),
)


def tuples(of: st.SearchStrategy[object], most: int = 2) -> st.SearchStrategy[tuple[object, ...]]:
    """Return tuples of 1 to `most` distinct things."""
    return st.lists(of, min_size=1, max_size=most, unique=True).map(tuple)


WORDS: dict[str, st.SearchStrategy[Any]] = {
    "at": st.sampled_from((*SERVED, *[Stage.DOT, Stage.EHLO, Stage.IDLE] * 6)).map(lambda stage: (stage,))
    | tuples(st.sampled_from(SERVED), 3),
    "reverse_path": tuples(PATTERNS),
    "rcpt": tuples(PATTERNS),
    "domain": tuples(PATTERNS),
    "ehlo": tuples(PATTERNS),
    "client": tuples(PATTERNS | st.just(Pattern("192.0.2.1"))),
    "user": tuples(PATTERNS | st.just(Pattern("ann"))),
    "command": tuples(PATTERNS | st.just(Pattern("NOOP*"))),
    "pipelined": st.booleans(),
    "header": tuples(st.tuples(st.sampled_from(("Subject", "X-A", "x.a")), tuples(PATTERNS))),
    "subject": tuples(PATTERNS),
    "body": tuples(PATTERNS),
    "size": AMOUNTS,
    "tls": st.booleans() | tuples(st.sampled_from((Pattern("TLSv1.2"), Pattern("!TLSv1.2")))),
    "param": tuples(st.tuples(st.sampled_from(("SIZE", "body")), tuples(PATTERNS | AMOUNTS))),
    "key": tuples(st.sampled_from(Key)),
    "attempt": tuples(st.builds(Attempts, st.sampled_from(("1", "1-2", "3-")))),
    "times": st.integers(1, 3),
    "age": st.builds(Age, st.sampled_from(("<5m", "<=5m", ">=1m", ">1m", "1m..2m", "..1h"))),
    "over": st.builds(Quota, st.sampled_from(("1/1m", "2/1h", "3/s"))),
    "open": st.builds(Amount, st.sampled_from(("2", ">1", "..3"))),
    "during": tuples(st.builds(During, st.sampled_from(("10m..20m", "2d..", "..1h")))),
    "chance": st.floats(0, 1),
    "state": tuples(st.sampled_from(("start", "down"))),
    "set": st.sampled_from(("start", "down")),
    "priority": st.integers(1, 9),
    "replies": tuples(REPLIES, 3),
    "then": st.sampled_from(Then),
    "raw": st.builds(Octets, st.sampled_from((r"\x00\r\n", "ü", "")) | TEXTS.map(lambda text: text.replace("\\", ""))),
    "mangle": st.sampled_from(Mangle),
    "drip": st.builds(Drip, st.sampled_from(("1B/500ms", "10/s"))),
    "tease": st.builds(Tease, st.just("30s x 20")),
    "wait": st.builds(Pause, st.sampled_from(("0s", "1.5ms", "11m", "{n}s", "{name}s"))),
    "after": st.builds(Size, st.sampled_from(("1", "4096B"))),
    "sip": st.builds(Drip, st.sampled_from(("1B/1ms", "1KB/1s"))),
    "cut": st.sampled_from(Cut),
    "commit": st.booleans(),
    "caps": tuples(st.sampled_from(("-8BITMIME", "SIZE 1000", "X-OWN", "X-{ehlo}"))),
    "handshake": st.sampled_from(Handshake),
    "lint": st.booleans(),
    "to": st.builds(Destination, st.sampled_from(("127.0.0.1:25", "smtp://mx.test:2525")), st.just(True)),
}
#: Words that stand at one stage only: left to chance they would meet it too seldom.
AT_HOME = {
    "commit": Stage.DOT,
    "caps": Stage.EHLO,
    "after": Stage.BODY,
    "sip": Stage.BODY,
    "handshake": Stage.TLS,
    "to": Stage.RCPT,
    "header": Stage.DOT,
    "subject": Stage.DOT,
    "body": Stage.BDAT,
}


@st.composite
def rules(draw: st.DrawFn, name: str = "rule") -> Rule:
    """Rules of any words that can stand together: a word that is refused is left out."""
    words = draw(st.lists(st.sampled_from(sorted(WORDS)), unique=True, max_size=9))
    said = {word: draw(WORDS[word]) for word in words}
    for word, stage in AT_HOME.items():
        if word in said and draw(st.booleans()):
            said["at"] = (stage,)
    while True:
        try:
            return Rule(name=name, **said)
        except RuleError as error:
            del said["reverse_path" if error.key == "from" else error.key]


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Scripts of a few rules, with any settings."""
    names = draw(st.lists(NAMES, unique=True, max_size=4))
    return Script(
        name="drawn.toml",
        rules=tuple(draw(rules(name)) for name in names),
        server=Settings(
            hostname=draw(st.none() | st.just("mx.drawn.test")),
            seed=draw(st.none() | st.integers(0, 2**64)),
            unmatched=draw(st.none() | st.sampled_from(Unmatched)),
        ),
    )


EVENTS = st.builds(
    Event,
    stage=st.sampled_from(SERVED),
    at=SECONDS,
    session=st.integers(1, 3),
    client=st.sampled_from(("192.0.2.1", "192.0.2.2")),
    transaction=st.integers(0, 3),
    helo=TEXTS,
    user=st.sampled_from(("", "ann")) | TEXTS,
    tls=st.sampled_from(("", "TLSv1.2")),
    parameters=st.dictionaries(st.sampled_from(("SIZE", "BODY")), TEXTS | st.integers(0, 2000).map(str)),
    content=st.binary(max_size=20).map(lambda octets: b"Subject: a\r\nX-A: b\r\n\r\n" + octets)
    | st.binary(max_size=20),
    size=st.none() | st.integers(0, 5000),
    last=st.booleans(),
    reverse_path=st.none() | ADDRESSES,
    rcpt=st.none() | ADDRESSES,
    recipients=st.lists(ADDRESSES, max_size=3).map(tuple),
    message_id=TEXTS,
    argument=TEXTS | st.just("\udcff\r\n250 injected"),
    idle=SECONDS,
)


@given(scripts())
def test_any_script_can_be_written_and_read_back(script: Script) -> None:
    """TOML loses nothing, so that a failure can be replayed."""
    assert read_script(script_to_toml(script), script.name) == script
    assert list(SCHEMA.iter_errors(tomllib.loads(script_to_toml(script)))) == []


SIPPING = Script(name="sips.toml", rules=(Rule(name="slow", at=(Stage.BODY,), sip=Drip("1KB/1s")),))


@example(SIPPING, [Event(Stage.BODY, 0.0, 1, "192.0.2.1")])  # drawn once in a thousand times
@given(scripts(), st.lists(EVENTS, max_size=12))
def test_any_event_gets_a_decision_that_can_be_performed(script: Script, events: list[Event]) -> None:
    """Actions come in their order, each at its stage, and whatever is said can be put on the wire."""
    engine = Engine(script)
    for event in events:
        decision = engine.on(event)
        places = [next(n for n, kind in enumerate(ORDER) if isinstance(action, kind)) for action in decision.actions]

        assert places == sorted(set(places))
        assert set(places) & {5, 6}, "neither a word nor an end"
        assert (1 in places) <= (event.stage in (Stage.MAIL, Stage.RCPT, Stage.DOT))
        assert (2 in places) <= (event.stage is Stage.DOT or (event.stage is Stage.BDAT and event.last))
        assert (3 in places) <= (event.stage is Stage.EHLO)
        assert (4 in places) <= (event.stage is Stage.BODY)
        for action in decision.actions:
            if isinstance(action, Say):
                lines = action.reply.render().split(b"\r\n")
                assert len(lines) == max(1, len(action.reply.lines)) + 1
                assert all(line.startswith(str(action.reply.code).encode()) for line in lines[:-1])


@given(scripts(), st.lists(EVENTS, max_size=12))
def test_the_same_events_get_the_same_decisions(script: Script, events: list[Event]) -> None:
    """There is no chance and no clock but what is given; and what fired is counted."""
    first, second = Engine(script), Engine(script)
    decisions = [first.on(event) for event in events]

    assert decisions == [second.on(event) for event in events]
    fired = Counter(name for d in decisions for name in (d.rule, *d.added) if name)
    assert fired == Counter({k: n for k, n in first.fired().items() if n})
    assert set(first.unfired()) == {rule.name for rule in script.rules} - set(fired)


@given(scripts(), st.lists(EVENTS, max_size=12))
def test_what_no_rule_answers_every_rule_of_the_stage_has_missed(script: Script, events: list[Event]) -> None:
    """Or has passed on; and each can say why, whenever it is asked, by a word that it says."""
    engine = Engine(script)
    decisions = [engine.on(event) for event in events]
    for event, decision in zip(events, decisions, strict=True):
        here = {rule.name for rule in script.rules if event.stage in rule.stages}
        missed = {miss.rule for miss in decision.near_misses}

        assert missed | set(decision.added) == (here if not decision.rule else set(decision.added))
        assert not missed & set(decision.added)
        for miss in decision.near_misses:
            rule = next(rule for rule in script.rules if rule.name == miss.rule)
            assert miss.said == said(rule, miss.word)
            assert str(miss).startswith(f"{rule.name}: {miss.said} but {miss.seen}")


@given(rules(), EVENTS)
def test_behind_a_closed_gate_there_is_nothing(rule: Rule, event: Event) -> None:
    """What does not get through a rule's gate would not have been its business either."""
    play = Play(0, 0.0, "mx.test", Draws(0), States(), Sessions({sharing(rule)}), marks=True)
    matcher = Matcher(rule, play)
    view = View(event)
    found = gate(rule, event.stage)

    assert found is None or found.holds(view) or matcher.ask(view, None) is None
    assert found is None or found.holds(view) or not len(matcher._counting._tallies)


@given(st.lists(rules(), max_size=3), EVENTS)
def test_what_a_sieve_holds_back_no_gate_lets_through(some: list[Rule], event: Event) -> None:
    """One question about the texts of all rules is answered as one about those of each."""
    gates = [found for rule in some if (found := gate(rule, event.stage)) is not None]
    looking = [found for found in gates if found.rcpt is not None or found.path is not None]
    view, none = View(event), sieve(gates)

    assert (none is None) is not bool(looking)
    assert none is None or not none(view.rcpts, event.reverse_path) or not any(found.holds(view) for found in looking)


@given(scripts(), st.lists(EVENTS, max_size=12))
def test_what_need_not_come_changes_nothing(script: Script, events: list[Event]) -> None:
    """Where nobody asks why: who leaves such events out gets the same answers to all others."""
    everything, rest = Engine(script), Engine(script, explains=False)
    for event in events:
        decision = everything.on(event)
        if rest.needless(event.stage, recipients_of(event), event.reverse_path):
            assert (decision.actions, decision.rule, decision.unmatched) == (PROCEEDING, "", False)
        else:
            assert rest.on(event) == decision
    assert rest.fired() == everything.fired()


@given(scripts(), ADDRESSES, ADDRESSES)
@example(Script(rules=()), "a@x.test", "b@x.test")
@example(Script(rules=(Rule(name="r", at=(Stage.DATA,), replies=(ReplyTemplate("451 no"),)),)), "a@x.test", "b@x.test")
def test_a_group_goes_on_where_each_of_its_commands_does(script: Script, sender: str, rcpt: str) -> None:
    """MAIL, RCPT and DATA need not come together where none of them need come alone."""
    engine, said = Engine(script, explains=False), {Stage.MAIL: (), Stage.RCPT: (rcpt,), Stage.DATA: (rcpt,)}

    assert engine.goes_on(sender, rcpt) is all(engine.needless(stage, rcpts, sender) for stage, rcpts in said.items())


@given(tuples(PATTERNS, 4) | tuples(st.builds(Pattern, TEXTS)), ADDRESSES)
@example((Pattern("*k"),), "\u212a")
@example((Pattern("*"),), "")
@example((Pattern("**a"), Pattern("!a**")), "a")
def test_the_quick_way_to_look_for_a_value_is_right(patterns: tuple[Pattern, ...], value: str) -> None:
    """It means what `select` means."""
    assert meant_by(patterns)(value) is (select(patterns, value) is not None)


def asked(address: str, at: float = 0.0, client: str = "192.0.2.1", session: int = 1) -> Event:
    """Return RCPT for an address."""
    return Event(
        stage=Stage.RCPT, at=at, session=session, client=client, helo="c", reverse_path="news@shop.test", rcpt=address
    )


@given(
    st.integers(0, 2**32),
    st.sampled_from((0.1, 0.5, 0.9)),
    st.lists(st.integers(0, 50).map("{}@x.test".format), min_size=1, unique=True).flatmap(
        lambda all_of_them: st.tuples(
            st.just(all_of_them), st.permutations(all_of_them), st.sets(st.sampled_from(all_of_them))
        )
    ),
)
def test_luck_does_not_depend_on_order_or_company(
    seed: int, chance: float, lists: tuple[list[str], list[str], set[str]]
) -> None:
    """Who is refused by chance stays refused when others come first, or do not come at all."""
    script = Script(rules=(Rule(name="r", at=(Stage.RCPT,), chance=chance, replies=(ReplyTemplate("450 4.2.1 no"),)),))
    everyone, shuffled, left = lists

    def refused(addresses: list[str]) -> set[str]:
        engine = Engine(script, seed)
        return {address for address in addresses if engine.on(asked(address)).rule}

    assert refused(everyone) == refused(shuffled)
    assert refused([address for address in everyone if address not in left]) == refused(everyone) - left


@given(
    st.lists(st.tuples(st.floats(0, 100), st.sampled_from("ab")), max_size=40),
    st.integers(1, 4),
    st.integers(1, 200_000),
)
def test_no_window_lets_more_through_than_its_quota(
    moments: list[tuple[float, str]], count: int, milliseconds: int
) -> None:
    """In every window that ends with an event that went through there are at most `count`, for each key."""
    quota = Quota(f"{count}/{milliseconds}ms")
    rule = Rule(name="r", at=(Stage.RCPT,), key=(Key.CLIENT,), over=quota, replies=(ReplyTemplate("450 4.2.1 no"),))
    engine = Engine(Script(rules=(rule,)))
    through: dict[str, list[float]] = {"a": [], "b": []}
    for at, client in sorted(moments):
        refused = bool(engine.on(asked("ann@x.test", at, client)).rule)
        inside = [earlier for earlier in through[client] if earlier > at - quota.seconds]

        assert refused == (len(inside) >= count)
        if not refused:
            through[client].append(at)


@given(st.lists(st.sampled_from(("a@x", "b@x", "c@y")), max_size=30), st.integers(1, 4))
def test_times_is_a_limit_for_each_key(addresses: list[str], times: int) -> None:
    """A rule fires for the first `times` events of a key, and never again."""
    engine = Engine(Script(rules=(Rule(name="r", at=(Stage.RCPT,), key=(Key.RCPT,), times=times),)))
    fired = Counter(address for address in addresses if engine.on(asked(address)).rule)

    assert fired == Counter({address: min(times, count) for address, count in Counter(addresses).items()})


@given(TEXTS, TEXTS)
def test_a_glob_without_wildcards_is_its_own_text(text: str, other: str) -> None:
    """Nothing but `*`, `?`, and `!` or `~` in front means anything else."""
    plain = text.translate(str.maketrans("", "", "*?")).lstrip("!~")

    assert Pattern(plain).find(plain) is not None
    assert Pattern(f"*{plain}").find(other + plain) is not None
    assert Pattern(plain).find(plain + "x") is None


LINES = st.lists(
    st.sampled_from(
        (
            "[[rule]]",
            "[server]",
            'at = "rcpt"',
            'at = ["idle", "*"]',
            'reply = "450 {"',
            "reply = 1",
            "times = -1",
            "age = []",
        )
    )
    | st.builds(
        "{} = {}".format, st.sampled_from(("at", "key", "rcpt", "age", "over", "wait", "caps", "cut", "attempt")), TEXTS
    )
    | st.builds(
        '{} = "{}"'.format, st.sampled_from(("at", "key", "rcpt", "age", "over", "reply", "caps", "during")), TEXTS
    )
    | TEXTS,
    max_size=8,
)


@given(LINES.map("\n".join))
@example('[[rule]]\nat = "rcpt"\nover = "' + "9" * 5000 + '/1h"')
@example('[[rule]]\nat = "rcpt"\nattempt = "' + "9" * 5000 + '"')
@example('[[rule]]\nat = "rcpt"\nwait = "' + "9" * 400 + 'd"')
@example("rule = []\n[rule]")
def test_any_text_is_a_script_or_a_located_error(text: str) -> None:
    """Whatever is in a file, the answer is a script or a ConfigurationError that says where."""
    where = "drawn.toml:"
    try:
        read_script(text, "drawn.toml")
    except ConfigurationError as error:
        where = error.where

    assert where.startswith("drawn.toml:")


def test_the_strategy_for_rules_draws_every_word() -> None:
    """A property says nothing about what is never drawn."""
    drawn: Counter[str] = Counter()

    @settings(max_examples=500, derandomize=True, database=None)
    @given(rules())
    def count(rule: Rule) -> None:
        drawn.update(word for word in WORDS if getattr(rule, word) not in (None, (), 0.0))

    count()

    assert set(WORDS) <= set(drawn)
