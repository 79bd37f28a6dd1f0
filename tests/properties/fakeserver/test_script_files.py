"""Properties of script files above the rules: what is written is read back, whatever it is."""

from __future__ import annotations

import email.policy
import tomllib
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from maildrill.fakeserver.authoring.schema import script_schema
from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import Event, Say
from maildrill.fakeserver.engine.lots import Draws
from maildrill.fakeserver.language.count import Count
from maildrill.fakeserver.language.destination import Destination
from maildrill.fakeserver.language.expectation import ALL, Expectation
from maildrill.fakeserver.language.injection import Action, Feedback, Injection, Kind
from maildrill.fakeserver.language.octets import Size
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.profile import ATTEMPT_STAGES, Item, Profile
from maildrill.fakeserver.language.scenario import ENDS, Outcome, Scenario
from maildrill.fakeserver.language.script import Rule, RuleError, Script, Use
from maildrill.fakeserver.language.script_clock import ScriptClock
from maildrill.fakeserver.language.settings import MECHANISMS, Settings, Unmatched
from maildrill.fakeserver.language.span import Age, Duration, Quota
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.fakeserver.sending.injections import Cause
from maildrill.fakeserver.sending.notices import Postmark, compose
from maildrill.fakeserver.text.script_file import read_script, script_of, script_to_toml
from maildrill.fakeserver.text.server_file import BOUNDS
from maildrill.smtp import Stage
from maildrill.smtp.quantity import parse_duration
from maildrill.smtp.stage import SERVED

SCHEMA = Draft202012Validator(script_schema())
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = TEXTS.filter(str.isprintable)
LINES = NAMES.filter(str.strip)


def _limit(name: str) -> st.SearchStrategy[float]:
    bound = BOUNDS[name]
    if bound.parse is parse_duration:
        return st.integers(round(bound.least * 1000), round(bound.most * 1000)).map(lambda number: number / 1000)
    return st.integers(int(bound.least), int(bound.most))


SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "hostname": st.sampled_from(("mx.drawn.test", "mx", "[192.0.2.1]")),
    "seed": st.integers(0, 2**64),
    "unmatched": st.sampled_from(Unmatched),
    "lint": st.booleans(),
    "strict": st.booleans(),
    "tls": st.booleans(),
    "anonymous": st.booleans(),
    "users": st.dictionaries(NAMES, TEXTS.filter(lambda text: "\0" not in text), max_size=3),
    "auth": st.lists(st.sampled_from(MECHANISMS), unique=True).map(tuple),
    "caps": st.lists(st.sampled_from(("-8BITMIME", "SIZE 1000", "X-OWN")), unique=True).map(tuple),
    "limits": st.fixed_dictionaries({}, optional={name: _limit(name) for name in BOUNDS}),
}


@given(st.fixed_dictionaries({}, optional=SETTINGS))
def test_any_settings_can_be_written_and_read_back(said: dict[str, Any]) -> None:
    """TOML loses nothing, to the millisecond and the octet."""
    script = Script(name="drawn.toml", server=Settings(**said))

    assert read_script(script_to_toml(script), script.name) == script
    assert list(SCHEMA.iter_errors(tomllib.loads(script_to_toml(script)))) == []


@given(st.fixed_dictionaries({}, optional=SETTINGS), st.fixed_dictionaries({}, optional=SETTINGS))
def test_joined_settings_say_what_either_says(mine: dict[str, Any], others: dict[str, Any]) -> None:
    """Mine count; nothing that only the other says is lost."""
    joined = Settings(**mine).over(Settings(**others))

    assert joined.over(Settings(**mine)) == joined
    assert Settings().over(joined) == joined == joined.over(Settings())
    for name, value in mine.items():
        if value not in ((), {}):
            assert getattr(joined, name) == ({**others.get(name, {}), **value} if isinstance(value, dict) else value)


PATTERNS = st.lists(st.sampled_from(("x.test", "*.x.test", "~^x", "!y.test")), unique=True, max_size=2).map(
    lambda texts: tuple(map(Pattern, texts))
)
REPLIES = st.sampled_from(("450 4.2.1 busy", "550 5.1.1 no\nsuch user", "421 4.7.0 {hostname}")).map(ReplyTemplate)
WEIGHTS = st.floats(1e-3, 1e3) | st.integers(1, 100).map(float)


@st.composite
def profiles(draw: st.DrawFn, name: str) -> Profile:
    """Profiles for everybody or for a few domains, of up to four items."""
    domain = draw(PATTERNS)
    stages = st.sampled_from(sorted(ATTEMPT_STAGES - {Stage.BDAT}))
    if not domain:
        stages |= st.sampled_from((Stage.BANNER, Stage.MAIL, Stage.QUIT))
    mix = []
    for number, weight in enumerate(draw(st.lists(WEIGHTS, min_size=1, max_size=4)), start=1):
        rule = None
        if draw(st.booleans()):
            times = draw(st.none() | st.integers(1, 3))
            rule = Rule(name=f"{name}/{number}", at=(draw(stages),), replies=(draw(REPLIES),), times=times)
        mix.append(Item(weight, rule))
    return Profile(name=name, domain=domain, mix=tuple(mix))


COUNTS = st.sampled_from(("0", "2", "2-3", "3-", "<3", ">=3")).map(Count)
AGES = st.sampled_from((">=5m", "<1h", "5m..2h")).map(Age)
EXPECTED: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("rcpt", "domain", "reverse_path", "subject", "client", "reply", "rule"), PATTERNS),
    **dict.fromkeys(("committed", "acknowledged", "attempts", *ALL, "count"), COUNTS),
    **dict.fromkeys(("gap", "age"), AGES),
    "at": st.lists(st.sampled_from(SERVED), unique=True, max_size=2).map(tuple),
    "rate": st.sampled_from(("1/1m", "100/1h")).map(Quota),
}


@st.composite
def expectations(draw: st.DrawFn, name: str) -> Expectation:
    """Expectations of any words that can stand together: a word that is refused is left out."""
    said = {word: draw(EXPECTED[word]) for word in draw(st.lists(st.sampled_from(sorted(EXPECTED)), unique=True))}
    while True:
        try:
            return Expectation(name=name, **said)
        except RuleError as error:
            said.pop(error.key, None)
            said.setdefault("messages", draw(COUNTS))


INJECTED: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(Kind),
    **dict.fromkeys(("rcpt", "domain", "reverse_path", "subject"), PATTERNS),
    "action": st.sampled_from(Action),
    "status": st.sampled_from(("5.1.1", "4.4.7", "2.0.0")),
    "diagnostic": st.just("550 5.1.1 no\nsuch user"),
    "feedback": st.sampled_from(Feedback),
    "text": TEXTS,
    "wait": st.sampled_from(("2h", "1.5s")).map(Duration),
    "times": st.integers(1, 3),
    "chance": st.floats(0, 1),
    "address": st.just("abuse@shop.test"),
    "to": st.sampled_from((Destination("127.0.0.1:25"), Destination("mx.test:25", outside=True))),
}


@st.composite
def injections(draw: st.DrawFn, name: str) -> Injection:
    """Injections of any words that can stand together: a word that is refused is left out."""
    said = {word: draw(INJECTED[word]) for word in draw(st.lists(st.sampled_from(sorted(INJECTED)), unique=True))}
    said.setdefault("kind", draw(INJECTED["kind"]))
    while True:
        try:
            return Injection(name=name, **said)
        except RuleError as error:
            del said[error.key]


OUTCOMES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("rcpt", "domain"), st.sampled_from(((), (Pattern("*"),), (Pattern("*"), Pattern("!eve@*"))))),
    "state": st.sampled_from(ENDS),
    "attempts": COUNTS,
    "row": st.sampled_from((("rcpt-4yz",), ("rcpt-4yz", "dot-2yz"))),
    "within": AGES,
    "counts": st.just((("delivered", Count("2-")), ("held", Count("0")))),
}
CAMPAIGNS = st.recursive(
    TEXTS | st.integers(-9, 9) | st.booleans() | st.floats(0, 1),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
)


@st.composite
def outcomes(draw: st.DrawFn, name: str) -> Outcome:
    """Outcomes of any words, with one at least that says something."""
    said = {word: draw(OUTCOMES[word]) for word in draw(st.lists(st.sampled_from(sorted(OUTCOMES)), unique=True))}
    return Outcome(name=name, **{"state": "held", **said})


TABLES = ("campaign", "dns", "hosts", "network")


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Scenarios with everything, or with nobody to write to."""
    purpose, source = draw(LINES), tuple(draw(st.lists(LINES, min_size=1, max_size=3)))
    if draw(st.booleans()):
        return Scenario(purpose=purpose, source=source)
    listed = draw(st.booleans())
    tables: dict[str, Any] = {word: draw(st.dictionaries(NAMES, CAMPAIGNS, max_size=2)) for word in TABLES}
    return Scenario(
        purpose=purpose,
        source=source,
        recipients=() if listed else ("ann@x.test", "guest{1..3}@y.test"),
        listed=draw(st.text(min_size=1)) if listed else "",
        seed=draw(st.none() | st.integers(0, 3)),
        events=tuple(draw(st.lists(st.dictionaries(NAMES, CAMPAIGNS, max_size=2), max_size=2))),
        size=draw(st.none() | st.just(Size("300KB"))),
        **tables,
        expectations=draw(named(expectations)),
        outcomes=draw(named(outcomes)),
    )


def named(one: Callable[[str], st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Return up to three of something, with names."""
    return st.lists(NAMES, unique=True, max_size=3).flatmap(lambda names: st.tuples(*map(one, names)))


@given(
    named(profiles),
    named(expectations),
    named(injections),
    st.lists(NAMES, unique=True, max_size=3),
    st.none() | st.sampled_from(("real", "virtual", "scaled:60")).map(ScriptClock),
    st.none() | scenarios(),
)
def test_any_script_can_be_written_and_read_back(
    some: tuple[Profile, ...],
    expected: tuple[Expectation, ...],
    injected: tuple[Injection, ...],
    uses: list[str],
    clock: ScriptClock | None,
    scenario: Scenario | None,
) -> None:
    """Profiles, expectations, injections, what is used, the clock, and the scenario."""
    script = Script(
        name="drawn.toml",
        profiles=some,
        expectations=expected,
        injections=injected,
        uses=tuple(map(Use, uses)),
        clock=clock,
        scenario=scenario,
    )

    document = tomllib.loads(script_to_toml(script))

    assert read_script(script_to_toml(script), script.name) == script
    assert script_of(document, script.name) == script
    assert list(SCHEMA.iter_errors(document)) == []


def _attempts(profile: Profile, seed: int, order: list[tuple[int, str]]) -> dict[tuple[str, int], int]:
    """Return what each attempt at a recipient came to, for attempts that sessions make in this order, step by step."""
    engine = Engine(Script(profiles=(profile,)), seed)
    numbers: Counter[str] = Counter()
    begun: list[tuple[int, str, int]] = []
    came: dict[tuple[str, int], int] = {}
    for session, rcpt in order:
        numbers[rcpt] += 1
        begun.append((session, rcpt, numbers[rcpt]))
        came[rcpt, numbers[rcpt]] = _code(engine, session, Stage.RCPT, rcpt)
    for session, rcpt, number in begun:
        if (session, rcpt) not in [(later, other) for later, other, n in begun if n > number]:
            came[rcpt, number] = came[rcpt, number] or _code(engine, session, Stage.DOT, rcpt)
        else:
            del came[rcpt, number]  # named once more in the same session: the attempt was given up
    return came


def _code(engine: Engine, session: int, stage: Stage, rcpt: str) -> int:
    about: dict[str, Any] = {"rcpt": rcpt} if stage is Stage.RCPT else {"recipients": (rcpt,)}
    event = Event(stage=stage, at=0.0, session=session, client="192.0.2.1", reverse_path="news@shop.test", **about)
    says = [action.reply.code for action in engine.on(event).actions if isinstance(action, Say)]
    return says[0] if says else 0


PEOPLE = st.sampled_from([f"user{n}@x.test" for n in range(20)])


@given(
    st.integers(0, 2**32),
    st.lists(PEOPLE, max_size=20).flatmap(
        lambda people: st.tuples(st.permutations(people), st.permutations(people), st.integers(1, 3))
    ),
    st.data(),
)
def test_luck_depends_on_neither_order_nor_workers(
    seed: int, orders: tuple[list[str], list[str], int], data: st.DataObject
) -> None:
    """The nth attempt at a recipient comes to the same, whoever makes it and whatever else is under way."""
    first, second, workers = orders
    mix = (
        Item(1),
        Item(1, Rule(name="gone", at=(Stage.RCPT,), replies=(ReplyTemplate("550 5.1.1 gone"),))),
        Item(1, Rule(name="later", at=(Stage.DOT,), replies=(ReplyTemplate("451 4.3.0 later"),))),
    )
    profile = Profile(name="p", domain=(Pattern("*.test"),), mix=mix)
    alone = _attempts(profile, seed, list(enumerate(first)))
    shared = _attempts(profile, seed, [(data.draw(st.integers(1, workers)), rcpt) for rcpt in second])

    assert {attempt: alone[attempt] for attempt in shared} == shared


@given(st.integers(0, 2**32), st.lists(WEIGHTS, min_size=1, max_size=6))
def test_shares_fill_all_that_can_be_drawn(seed: int, weights: list[float]) -> None:
    """Where each item has a reply each attempt gets one, and only one."""
    rules = [
        Rule(name=f"r{n}", at=(Stage.RCPT,), replies=(ReplyTemplate("450 4.2.1 no"),)) for n in range(len(weights))
    ]
    lots = Profile(name="p", mix=tuple(map(Item, weights, rules))).rules()
    draws = Draws(seed)
    for n in range(20):
        draws.name(1, f"{n}@x.test")
        assert [draws.holds(rule.lot, 1, f"{n}@x.test") for rule in lots if rule.lot].count(True) == 1


OCTETS = st.lists(
    st.sampled_from(
        (b"Subject: ", b"Message-ID: <1@x>", b"\r\n", b"\r", b"\n", b" ", b"=?utf-8?q?=0A?=", b"\xff", b"0123", b"--")
    )
    | st.binary(max_size=6),
    max_size=20,
).map(b"".join)


@given(injections("i"), OCTETS, NAMES)
def test_whatever_was_sent_can_be_quoted(one: Injection, original: bytes, envid: str) -> None:
    """Lines end with CRLF only, the header has the fields that it should and no others, a report its three parts."""
    cause = Cause(
        injection=one,
        id="0123",
        rcpt="ann@x.test",
        address="news@shop.test",
        reverse_path="news@shop.test",
        original=original,
        at=0.0,
        parameters={"ENVID": envid, "RET": "FULL"},
        said={"ORCPT": f"rfc822;{envid}"},
    )
    octets = compose(cause, Postmark("mx.test", 0.0, "192.0.2.1"))
    message = message_from_bytes(octets, policy=email.policy.default)
    fields = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}

    assert octets.replace(b"\r\n", b"").count(b"\r") == octets.replace(b"\r\n", b"").count(b"\n") == 0
    assert octets.endswith(b"\r\n")
    assert fields <= set(message) <= fields | {"In-Reply-To", "References", "Content-Transfer-Encoding"}
    if one.kind is not Kind.OOTO:
        boundary = f"--{message.get_boundary()}".encode()
        assert octets.count(boundary) == 4
