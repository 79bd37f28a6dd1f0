"""Profiles as TOML tables, read and written: `[[profile]]` with its mix.

Every error names file and line, for an item of a mix that of the item. Pure.
"""

from __future__ import annotations

from maildrill.fakeserver.language.pattern import PATTERN_WORDS, Pattern
from maildrill.fakeserver.language.profile import WEIGHT_WORDS, Item, Profile
from maildrill.fakeserver.language.script import RuleError
from maildrill.fakeserver.language.toml_text import lines, one_or_list, quoted
from maildrill.fakeserver.text.readers import list_of
from maildrill.fakeserver.text.rule_file import read_rule
from maildrill.fakeserver.text.rule_writer import rule_lines
from maildrill.smtp import ConfigurationError
from maildrill.smtp.document import Table, shown

MIX_WORDS = 'mix = [{ weight = 95 }, { weight = 5, at = "rcpt", reply = "450 4.2.1 busy" }]'
_domain = list_of("domain", Pattern, PATTERN_WORDS)


def read_profile(table: Table, name: str, *, lint: bool | None = None) -> Profile:
    """Return what a `[[profile]]` table holds, called `name` unless it says its own; raises ConfigurationError.

    lint: what holds for a rule in the mix that does not say it.
    """
    name = table.text("name", name)
    domain = _domain(table)
    if not table.has("mix"):
        table.fail(None, 'a profile has no "mix"', expected=MIX_WORDS)
    mix = tuple(_item(item, f"{name}/{number}", lint) for number, item in enumerate(table.tables("mix"), start=1))
    table.finish()
    try:
        return Profile(name=name, domain=domain, mix=mix, place=table.place)
    except RuleError as error:
        where = error.where or table.where(error.key)
        raise ConfigurationError(error.what, where=where, expected=error.expected, hint=error.hint) from None


def profile_to_toml(profile: Profile) -> str:
    """Return a `[[profile]]` table with a table for each item, which read_profile reads back."""
    domain = one_or_list(pattern.text for pattern in profile.domain)
    head = "[[profile]]\n" + lines((("name", quoted(profile.name)), ("domain", domain)))
    return "\n".join([head, *map(_item_to_toml, profile.mix)])


def _item(table: Table, name: str, lint: bool | None) -> Item:  # noqa: FBT001 - what `[server]` says
    weight = _weight(table)
    rule = None if set(table) == {"weight"} else read_rule(table, name, lint=lint)
    try:
        return Item(weight, rule)
    except RuleError as error:
        table.fail(error.key, error.what, expected=error.expected, hint=error.hint)


def _weight(table: Table) -> float:
    if not table.has("weight"):
        table.fail(None, 'an item of a mix has no "weight"', expected=WEIGHT_WORDS)
    weight = table.raw("weight")
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        table.fail("weight", f"{table.label('weight')} is {shown(weight)}", expected=WEIGHT_WORDS)
    return float(weight)


def _item_to_toml(item: Item) -> str:
    weight = int(item.weight) if item.weight.is_integer() else item.weight
    return f"[[profile.mix]]\nweight = {weight!r}\n" + ("" if item.rule is None else rule_lines(item.rule))
