"""The script language in Python: the same words, checked by the same readers, one call for each rule.

`build.rcpt("ann@x.test").replies("450 4.2.1 busy", times=3)`. A rule is there from its first call on; each further call
adds words to it. Rules are named after the line that made them, so that whatever names a rule names that line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import replace

from maildrill.fakeserver.authoring.python_words import Word, caller, table
from maildrill.fakeserver.authoring.rule_builder import RuleBuilder
from maildrill.fakeserver.language.expectation import Expectation
from maildrill.fakeserver.language.injection import Injection
from maildrill.fakeserver.language.profile import Profile
from maildrill.fakeserver.language.script import Rule, Script, merge_scripts
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.script_loader import load_script
from maildrill.fakeserver.text.expect_file import read_expectation
from maildrill.fakeserver.text.inject_file import read_injection
from maildrill.fakeserver.text.profile_file import read_profile
from maildrill.fakeserver.text.script_writer import script_to_toml
from maildrill.fakeserver.text.server_file import read_server
from maildrill.smtp import ConfigurationError, escape


class ScriptBuilder:
    """A script in the making, in front of another one: its rules are asked first, in the order in which they are made.

    base: what holds behind them; borrowed: names of its rules that come from scripts that it uses. on_change: called
    with the whole script whenever it has changed.
    """

    def __init__(
        self,
        base: Script | None = None,
        on_change: Callable[[Script], None] | None = None,
        *,
        borrowed: Collection[str] = (),
    ) -> None:
        self._base = base or Script()
        self._on_change = on_change
        self._rules: dict[str, Rule] = {}
        self._profiles: dict[str, Profile] = {}
        self._expectations: dict[str, Expectation] = {}
        self._injections: dict[str, Injection] = {}
        self._used: list[Script] = []
        #: Where rules stand that nobody needs to have use for: where names meet they may be called otherwise yet.
        self._borrowed = {one.place.header for one in self._base.named if one.name in borrowed} - {""}
        self._settings = Settings()

    @property
    def script(self) -> Script:
        """The script as it stands: what was built, then what that uses, then the base."""
        built = Script(
            rules=tuple(self._rules.values()),
            profiles=tuple(self._profiles.values()),
            expectations=tuple(self._expectations.values()),
            injections=tuple(self._injections.values()),
            server=self._settings,
        )
        if built == Script() and not self._used:
            return self._base
        return replace(merge_scripts([built, *self._used, self._base]), name=self._base.name)

    def script_toml(self) -> str:
        """Return the script as it stands in TOML."""
        return script_to_toml(self.script)

    def on(self, *at: str, **words: Word) -> RuleBuilder:
        """Make a rule for these stages (none: `*`), with any words of the language; `from_` stands for `from`."""
        place = caller()
        name = _free(str(place), self._rules)
        said: dict[str, Word] = {"at": at or "*", **words}
        lint = self._settings.over(self._base.server).lint
        return RuleBuilder(self._putting(name), name, place, lint=lint).with_words(**said)

    def connect(self, **words: Word) -> RuleBuilder:
        """Make a rule for clients that connect."""
        return self.on("connect", **words)

    def banner(self, **words: Word) -> RuleBuilder:
        """Make a rule for the greeting."""
        return self.on("banner", **words)

    def ehlo(self, **words: Word) -> RuleBuilder:
        """Make a rule for EHLO."""
        return self.on("ehlo", **words)

    def mail(self, *reverse_path: str, **words: Word) -> RuleBuilder:
        """Make a rule for MAIL, from these patterns (none: any)."""
        return self.on("mail", **_some(from_=reverse_path), **words)

    def rcpt(self, *rcpt: str, **words: Word) -> RuleBuilder:
        """Make a rule for RCPT, to these patterns (none: any)."""
        return self.on("rcpt", **_some(rcpt=rcpt), **words)

    def data(self, **words: Word) -> RuleBuilder:
        """Make a rule for DATA."""
        return self.on("data", **words)

    def dot(self, *rcpt: str, **words: Word) -> RuleBuilder:
        """Make a rule for the end of a message, to these patterns (none: any)."""
        return self.on("dot", **_some(rcpt=rcpt), **words)

    def idle(self, age: str, **words: Word) -> RuleBuilder:
        """Make a rule for a client that has been silent: `age` such as ">=60s"."""
        return self.on("idle", age=age, **words)

    def next_message(self, **words: Word) -> RuleBuilder:
        """Make a rule for the next message that comes, and for that one only; it is asked before all others."""
        said: dict[str, Word] = {"times": 1, "priority": 1, **words}
        return self.on("dot", **said)

    def profile(self, *domain: str, **words: Word) -> None:
        """Have attempts draw from a mix: `profile("big.test", mix=[{"weight": 9}, {"weight": 1, "at": "rcpt", …}])`."""
        place = caller()
        name = _free(str(place), self._profiles)
        profile = read_profile(table("profile", _some(domain=domain) | words, place), name)
        self._refuse_second("profile", profile.name, self._profiles)
        self._profiles[name] = profile
        self._changed()

    def expect(self, *rcpt: str, **words: Word) -> None:
        """Expect this of whoever is tested: `expect("ann@x.test", committed=1)`, `expect(at="dot", count="1-")`."""
        place = caller()
        name = _free(str(place), self._expectations)
        one = read_expectation(table("expect", _some(rcpt=rcpt) | words, place), name)
        self._refuse_second("expectation", one.name, self._expectations)
        self._expectations[name] = one
        self._changed()

    def inject(self, kind: str, on_commit: Mapping[str, Word], **words: Word) -> None:
        """Send something later when a message was taken: `inject("dsn", {"rcpt": "bounce@*"}, wait="2h")`."""
        place = caller()
        name = _free(str(place), self._injections)
        one = read_injection(table("inject", {"on_commit": on_commit, "kind": kind, **words}, place), name)
        self._refuse_second("injection", one.name, self._injections)
        self._injections[name] = one
        self._changed()

    def settings(self, **words: Word) -> None:
        """Say what the server is like: `settings(hostname="mx.test", unmatched="fail")`, as `[server]` does."""
        self._settings = read_server(table("server", words, caller())).over(self._settings)
        self._changed()

    def use(self, *names: str) -> None:
        """Play these scripts too, behind the rules that are built: packs such as "profiles/gmail", or files."""
        used = [load_script(name) for name in names]
        self._used += used
        self._borrowed |= {one.place.header for script in used for one in script.named} - {""}
        self._changed()

    def clear(self) -> None:
        """Take back all that was built; what is told of it is up to the caller."""
        self._rules.clear()
        self._profiles.clear()
        self._expectations.clear()
        self._injections.clear()
        self._used.clear()
        self._settings = Settings()

    def _putting(self, name: str) -> Callable[[Rule], None]:
        def put(rule: Rule) -> None:
            others = {made: other for made, other in self._rules.items() if made != name}
            self._refuse_second("rule", rule.name, others)
            self._rules[name] = rule
            self._changed()

        return put

    def _refuse_second(
        self, kind: str, name: str, others: Mapping[str, Rule | Profile | Expectation | Injection]
    ) -> None:
        if any(other.name == name for other in others.values()):
            raise ConfigurationError(
                f'a second {kind} is called "{escape(name)}"',
                where=str(caller()),
                expected=f"a name of its own for each {kind}",
            )

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self.script)


def _free(name: str, taken: Container[str]) -> str:
    """Return the name, with a number behind it where something that was made on the same line has it already."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}#{number}"
    return free


def _some(**words: tuple[str, ...]) -> dict[str, Word]:
    """Return the words that are said."""
    return {word: value for word, value in words.items() if value}
