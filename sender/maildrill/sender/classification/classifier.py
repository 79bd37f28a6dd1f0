"""Ask the rules in order: the first that holds gives the word. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from maildrill.sender.attempt import Fault
from maildrill.sender.classification.categories import OTHER, Category
from maildrill.sender.classification.rule import Heard, Rule
from maildrill.smtp import Reply, Stage

_REMEMBERED = 4096  # replies: a server says the same few things over and over


@dataclass(frozen=True, slots=True)
class Classification:
    """The word for a reply or fault, and the rule that gave it ("" where none did)."""

    category: Category
    rule: str = ""
    source: str = ""


class Classifier:
    """Rules, and the categories that they use by name. Raises KeyError for a rule whose category is not there."""

    def __init__(self, rules: Sequence[Rule], categories: Mapping[str, Category]) -> None:
        self.rules = tuple(rules)
        self.categories = categories
        self._asked = tuple((rule.test(), _said_by(rule, categories)) for rule in self.rules)
        self._known = lru_cache(_REMEMBERED)(self._ask)

    def classify(
        self,
        reply: Reply | None,
        *,
        stage: Stage | None = None,
        fault: Fault | None = None,
        detail: str = "",
    ) -> Classification:
        """Return the word for a reply heard at `stage`, or for a fault instead of one; never raises."""
        return self._known(Heard.of(reply, stage, fault, detail))

    def _ask(self, heard: Heard) -> Classification:
        for holds, said in self._asked:
            if holds(heard):
                return said
        return Classification(OTHER)


def _said_by(rule: Rule, categories: Mapping[str, Category]) -> Classification:
    return Classification(categories[rule.category], rule.name, rule.source)
