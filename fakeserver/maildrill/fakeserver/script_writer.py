"""Scripts as text: TOML out, which script_file reads back to the same script.

Each rule is written with its name: draws depend on it, and a failure must be replayed as it was. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from maildrill.fakeserver.script import Rule, Script

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_WIDTH = 110


def script_to_toml(script: Script) -> str:
    """Return the TOML text of a script; `read_script(text, script.name) == script`."""
    server = (
        ("hostname", script.server.hostname and _quoted(script.server.hostname)),
        ("seed", None if script.server.seed is None else str(script.server.seed)),
        ("unmatched", script.server.unmatched and _quoted(script.server.unmatched)),
    )
    blocks = ["version = 1\n"]
    if any(value is not None for _, value in server):
        blocks.append("[server]\n" + _lines(server))
    blocks += ["[[rule]]\n" + _lines(_words(rule)) for rule in script.rules]
    return "\n".join(blocks)


def said(rule: Rule, word: str) -> str:
    """Return how a rule says one word: `age = "<5m"`."""
    return f"{word} = {dict(_words(rule))[word]}"


def _words(rule: Rule) -> Iterator[tuple[str, str | None]]:
    yield "name", _quoted(rule.name)
    yield "at", _one_or_list(rule.at) or _quoted("*")
    yield "from", _one_or_list(pattern.text for pattern in rule.reverse_path)
    yield "rcpt", _one_or_list(pattern.text for pattern in rule.rcpt)
    yield "domain", _one_or_list(pattern.text for pattern in rule.domain)
    yield "key", _one_or_list(rule.key)
    yield "attempt", _one_or_list(span.text for span in rule.attempt)
    yield "times", None if rule.times is None else str(rule.times)
    yield "age", _quoted(rule.age.text) if rule.age else None
    yield "over", _quoted(rule.over.text) if rule.over else None
    yield "during", _one_or_list(part.text for part in rule.during)
    yield "chance", None if rule.chance is None else repr(rule.chance)
    yield "wait", _quoted(rule.wait.text) if rule.wait else None
    replies = [reply.text for reply in rule.replies]
    yield ("reply" if len(replies) == 1 else "replies"), _one_or_list(replies)
    yield "cut", rule.cut and _quoted(rule.cut)
    yield "commit", None if rule.commit is None else str(rule.commit).lower()
    yield "caps", _one_or_list(rule.caps)


def _lines(words: Iterable[tuple[str, str | None]]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in words if value is not None)


def _one_or_list(texts: Iterable[str]) -> str | None:
    quoted = [_quoted(text) for text in texts]
    if len(quoted) < 2:
        return quoted[0] if quoted else None
    line = f"[{', '.join(quoted)}]"
    return line if len(line) <= _WIDTH else "[\n" + "".join(f"  {text},\n" for text in quoted) + "]"


def _quoted(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(mark) or _shown(mark) for mark in text) + '"'


def _shown(mark: str) -> str:
    return mark if mark.isprintable() else f"\\U{ord(mark):08X}"
