"""Scripts as values: ordered rules of where, who, when and answer, and what the server is like without them.

Rule 1: a Rule that exists can be performed: everything impossible is refused when it is made (RuleError).
Rule 2: the words of the language are the field names; docs/script-language.md says what each means. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from maildrill.fakeserver.language.destination import Destination
from maildrill.fakeserver.language.octets import Drip, Octets, Size, Tease
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.rule_error import RuleError
from maildrill.fakeserver.language.script_checks import check, known_at
from maildrill.fakeserver.language.script_words import REPLYING, USUAL_PRIORITY, Cut, Handshake, Key, Mangle, Then
from maildrill.fakeserver.language.settings import Limits, Settings, Unmatched
from maildrill.fakeserver.language.span import Age, Amount, Attempts, During, Pause, Quota
from maildrill.fakeserver.language.steps import Transcript
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.smtp import ConfigurationError, Stage, escape
from maildrill.smtp.document import NOWHERE, Place

if TYPE_CHECKING:
    from maildrill.fakeserver.language.expectation import Expectation
    from maildrill.fakeserver.language.injection import Injection
    from maildrill.fakeserver.language.lot import Lot
    from maildrill.fakeserver.language.profile import Profile
    from maildrill.fakeserver.language.scenario import Scenario
    from maildrill.fakeserver.language.script_clock import ScriptClock

DEFAULT_HOSTNAME = "mx.test"
DEFAULT_SEED = 0

__all__ = ["Cut", "Key", "Rule", "RuleError", "Script", "Unmatched", "merge_scripts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One `[[rule]]`. Raises RuleError (with the key that is wrong) for what cannot be performed.

    name: unique in its script. at: empty means `*`. reverse_path: the key `from`. header, param: names, each with what
    its value must be. tls: True and False for whether it is spoken, or patterns of the version. replies: one reply is
    a list of one. None and empty mean: not said.
    """

    name: str
    at: tuple[Stage, ...] = ()
    reverse_path: tuple[Pattern, ...] = ()
    rcpt: tuple[Pattern, ...] = ()
    domain: tuple[Pattern, ...] = ()
    ehlo: tuple[Pattern, ...] = ()
    client: tuple[Pattern, ...] = ()
    user: tuple[Pattern, ...] = ()
    command: tuple[Pattern, ...] = ()
    pipelined: bool | None = None
    header: tuple[tuple[str, tuple[Pattern, ...]], ...] = ()
    subject: tuple[Pattern, ...] = ()
    body: tuple[Pattern, ...] = ()
    size: Amount | None = None
    tls: bool | tuple[Pattern, ...] | None = None
    param: tuple[tuple[str, tuple[Pattern | Amount, ...]], ...] = ()
    key: tuple[Key, ...] = ()
    attempt: tuple[Attempts, ...] = ()
    times: int | None = None
    age: Age | None = None
    over: Quota | None = None
    open: Amount | None = None
    during: tuple[During, ...] = ()
    chance: float | None = None
    state: tuple[str, ...] = ()
    set: str | None = None
    priority: int | None = None
    replies: tuple[ReplyTemplate, ...] = ()
    then: Then | None = None
    raw: Octets | None = None
    mangle: Mangle | None = None
    drip: Drip | None = None
    tease: Tease | None = None
    wait: Pause | None = None
    after: Size | None = None
    sip: Drip | None = None
    cut: Cut | None = None
    commit: bool | None = None
    caps: tuple[str, ...] = ()
    handshake: Handshake | None = None
    to: Destination | None = None
    lint: bool | None = None
    lot: Lot | None = None  # no word of a file: what a profile's item needs to have been drawn
    place: Place = field(default=NOWHERE, compare=False, repr=False)  # where it stands in its file

    def __post_init__(self) -> None:
        check(self)

    @property
    def stages(self) -> frozenset[Stage]:
        """Where the rule can apply: the stages named; for `*` all that wait for a reply and know what is asked for."""
        return frozenset(self.at) if self.at else REPLYING & known_at(self)

    @property
    def rank(self) -> int:
        """How early the rule is asked: 1 is first; of the same rank the order of the script counts."""
        return USUAL_PRIORITY if self.priority is None else self.priority

    @property
    def passes(self) -> bool:
        """Whether the rule adds to what others answer: `then = "pass"` without replies."""
        return self.then is Then.PASS and not self.replies


@dataclass(frozen=True, slots=True)
class Use:
    """A script that another one uses: its name as written, and where."""

    name: str
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a fake server is told: rules in order, profiles, and `[server]` settings.

    name: the file's name, for people. uses: other scripts, still to be found (by script_loader). clock: None means
    that the script does not care. transcript: a strict one, in place of rules: it is played line by line. scenario:
    what the script is for; several scripts together have none.
    `hostname`, `seed`, `unmatched` and `limits` with their defaults are properties.
    """

    name: str = "script"
    uses: tuple[Use, ...] = ()
    clock: ScriptClock | None = None
    rules: tuple[Rule, ...] = ()
    profiles: tuple[Profile, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    injections: tuple[Injection, ...] = ()
    server: Settings = field(default_factory=Settings)
    transcript: Transcript | None = None
    scenario: Scenario | None = None

    @property
    def played(self) -> tuple[Rule, ...]:
        """The rules as they are asked: those of profiles come behind all that stand for themselves.

        Raises ConfigurationError where other scripts have not been found yet.
        """
        for use in self.uses:
            raise ConfigurationError(
                f'the script "{escape(use.name)}" that this one uses has not been loaded',
                where=use.where,
                hint="read a script that uses others with script_loader.load_script or load_text",
            )
        return (*self.rules, *(rule for profile in self.profiles for rule in profile.rules()))

    @property
    def named(self) -> tuple[Rule | Injection, ...]:
        """What is called by a name and may fire: rules and injections."""
        return (*self.rules, *self.injections)

    @property
    def hostname(self) -> str:
        """The name that the server gives itself."""
        return DEFAULT_HOSTNAME if self.server.hostname is None else self.server.hostname

    @property
    def seed(self) -> int:
        """The seed of every draw."""
        return DEFAULT_SEED if self.server.seed is None else self.server.seed

    @property
    def unmatched(self) -> Unmatched:
        """What becomes of an event that no rule answers."""
        return self.server.unmatched or Unmatched.ACCEPT

    @property
    def limits(self) -> Limits:
        """How much clients may ask of the server: the usual, changed as `[server.limits]` says."""
        return self.server.limited


def merge_scripts(scripts: Sequence[Script]) -> Script:
    """Return one script of all rules and profiles in order; of each setting the first that was said counts.

    A name that is taken already gets a number behind it. One script is returned as it is. Raises ConfigurationError
    for a strict transcript among several: it is played alone.
    """
    if len(scripts) == 1:
        return scripts[0]
    for script in scripts:
        if script.transcript is not None:
            raise ConfigurationError(
                "a strict transcript is played line by line, and so alone",
                where=script.name,
                hint="write strict = false to have rules made of it, which can be joined with others",
            )
    rule_name, profile_name, expectation_name, injection_name = _Names(), _Names(), _Names(), _Names()
    rules = tuple(_renamed(rule, rule_name) for script in scripts for rule in script.rules)
    profiles = tuple(profile.renamed(profile_name, rule_name) for script in scripts for profile in script.profiles)
    server = Settings()
    for script in scripts:
        server = server.over(script.server)
    return Script(
        name="+".join(script.name for script in scripts) or "script",
        uses=tuple(use for script in scripts for use in script.uses),
        clock=next((script.clock for script in scripts if script.clock is not None), None),
        rules=rules,
        profiles=profiles,
        expectations=tuple(_renamed(one, expectation_name) for script in scripts for one in script.expectations),
        injections=tuple(_renamed(one, injection_name) for script in scripts for one in script.injections),
        server=server,
    )


class _Names:
    """Gives each name once: `name#2` to the second who wants it."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __call__(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}#{number}"
        self._taken.add(name)
        return name


_N = TypeVar("_N", Rule, "Expectation", "Injection")


def _renamed(thing: _N, take: _Names) -> _N:
    name = take(thing.name)
    return thing if name == thing.name else replace(thing, name=name)
