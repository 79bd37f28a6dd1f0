"""What a reply is about, in one word for people: mailbox full, unknown user, rate, reputation and so on.

`categories` the words · `rule` what a rule asks · `rule_file` reads them · `rules.toml` the ones that come along ·
`classifier` asks them in order. Rule: a category informs; no disposition follows from it (invariant I29).
"""

from maildrill.sender.classification.categories import CATEGORIES, OTHER, Category
from maildrill.sender.classification.classifier import Classification, Classifier
from maildrill.sender.classification.rule_file import bundled, read_rules

__all__ = ["CATEGORIES", "OTHER", "Category", "Classification", "Classifier", "bundled", "read_rules"]
