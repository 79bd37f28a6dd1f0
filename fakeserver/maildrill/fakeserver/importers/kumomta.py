"""KumoMTA's smart sink, its `responses.toml`: how often mail for a domain bounces or is deferred, and with what words.

Each domain becomes a profile: a mix that is drawn for each attempt. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from maildrill.fakeserver.importers.source import Source
from maildrill.fakeserver.text.rulebook import Rulebook, Word, exactly, reply_text
from maildrill.smtp.document import Table, parse_document

WORDS = '[default] and [domain."NAME"] with bounce and defer in percent, [[bounce."NAME"]] and [[defer."NAME"]]'
_USUAL = {"bounce": "550 boing!", "defer": "451 later!"}
_LINE = re.compile(r"\s*\r?\n\s*")


def detects(text: str) -> bool:
    """Whether a text looks like a responses.toml."""
    return bool(re.search(r"^\s*\[(?:default|domain\.|\[(?:bounce|defer)\.)", text, re.MULTILINE))


def read_kumomta(text: str, name: str) -> Rulebook:
    """Return profiles; raises ConfigurationError."""
    top = parse_document(Source(text, name).text, name)
    kinds = {kind: top.table(kind) for kind in _USUAL}
    replies = {kind: {domain: list(_replies(table, domain)) for domain in table} for kind, table in kinds.items()}
    domains, default = top.table("domain"), top.table("default")
    top.finish()
    book = Rulebook("from a responses.toml of KumoMTA's smart sink; what it leaves to chance is drawn by hash")
    named = list(dict.fromkeys((*domains, *replies["bounce"], *replies["defer"])))
    for domain in named:
        mine = domains.table(domain) if domain in domains else default
        _profile(book, domain, [exactly(domain)], mine, {kind: replies[kind].get(domain, []) for kind in _USUAL})
    _profile(book, "default", ["*", *(f"!{domain}" for domain in named)], default, {})
    return book


def _profile(book: Rulebook, name: str, domains: list[str], table: Table, said: dict[str, list[str]]) -> None:
    parts = {kind: table.number(kind, 0) for kind in _USUAL}
    table.finish()
    if sum(parts.values()) > 100:
        table.fail(None, "bounce and defer are more than 100 together", expected="percent")
    items: list[dict[str, Word]] = [{"weight": 100 - sum(parts.values())}]
    for kind, percent in parts.items():
        replies = said.get(kind) or [_USUAL[kind]]
        items += [
            {"weight": _number(percent / len(replies)), "at": "dot", "reply": reply} for reply in replies if percent
        ]
    book.profile(name, domains, [item for item in items if item["weight"]])


def _number(weight: float) -> float:
    return int(weight) if weight.is_integer() else round(weight, 4)


def _replies(table: Table, domain: str) -> Iterator[str]:
    for item in table.tables(domain):
        code, text = item.number("code"), item.text("msg")
        item.finish()
        if not 400 <= code <= 599:
            item.fail("code", f"code is {code}", expected="a code 400..599")
        # Lines of one reply stand in one text, some with the code before them.
        yield reply_text(code, [re.sub(rf"^{code}[-,\s]+", "", line) for line in _LINE.split(text.strip())])
