"""JSON Schema of the values that words have: patterns, spans, texts in a form; each is defined once and referred to.

Rule: a schema takes whatever the readers take, and refuses what it can; the readers are the judges. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from maildrill.fakeserver.language.script_words import Key
from maildrill.fakeserver.language.settings import MECHANISMS
from maildrill.smtp.stage import SERVED

Schema = dict[str, object]

_TIME = r"\d{1,12}(\.\d{1,9})?\s*(ms|s|m|h|d|w)"
_TIMES = rf"({_TIME}\s*)+"
_SIZE = r"\d{1,12}(\.\d{1,9})?\s*([bB]|[kKmMgG][iI]?[bB])?"
PAUSE = rf"({_TIMES}|[^{{}}]*\{{[^{{}}]+\}}.*)"
DRIP = rf"{_SIZE}\s*/\s*(\d{{1,12}}(\.\d{{1,9}})?\s*)?(ms|s|m|h|d|w).*"
TEASE = rf"{_TIMES}\s*[xX]\s*\d{{1,9}}"
_WINDOW = rf"({_TIMES}\.\.\s*({_TIMES})?|\.\.\s*{_TIMES})"
_AMOUNT = rf"([<>]=?\s*{_SIZE}|{_SIZE}|({_SIZE}\s*)?\.\.\s*({_SIZE})?)"


@dataclass(frozen=True, slots=True)
class Word:
    """A key of a table: what it means, what its value may be, and examples of it."""

    name: str
    meaning: str
    schema: Mapping[str, object]
    examples: tuple[object, ...] = field(default=())

    def to_schema(self) -> Schema:
        """Return the schema of the value."""
        said: Schema = {"description": self.meaning, **self.schema}
        return {**said, "examples": list(self.examples)} if self.examples else said


def table(words: Collection[Word], required: Collection[str] = (), meaning: str = "") -> Schema:
    """Return the schema of a table that has these words and no others."""
    said: Schema = {"type": "object", "additionalProperties": False}
    if meaning:
        said["description"] = meaning
    if required:
        said["required"] = list(required)
    return {**said, "properties": {word.name: word.to_schema() for word in words}}


def known(name: str) -> Schema:
    """Return a reference to a definition."""
    return {"$ref": f"#/$defs/{name}"}


def one_or_more(item: Schema) -> Schema:
    """Return the schema of a value alone, or of a list of such."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def one_of(words: Iterable[str]) -> Schema:
    """Return the schema of one of these words."""
    return {"enum": list(words)}


def text(pattern: str = "", meaning: str = "") -> Schema:
    """Return the schema of a text in a form."""
    said: Schema = {"type": "string"}
    if pattern:
        said["pattern"] = rf"^\s*{pattern}\s*$"
    return {**said, "description": meaning} if meaning else said


def whole(least: int = 0) -> Schema:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": least}


FLAG: Schema = {"type": "boolean"}
TEXT: Schema = {"type": "string"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
NAME: Schema = {"type": "string", "minLength": 1}

#: What is referred to by name.
KINDS: dict[str, Schema] = {
    "stage": {"description": "A place in a session.", **one_of(list(SERVED))},
    "patterns": {
        "description": 'A glob such as "*@busy.test", or "~" and a regular expression; "!" before it: not. Or a list.',
        **one_or_more(TEXT),
    },
    "numbers": {
        "description": 'A number or a comparison such as 3, ">2", "<=10MB" or "1..5".',
        "anyOf": [whole(), text(_AMOUNT)],
    },
    "count": {
        "description": 'How many: 2, "2-3", "3-", "<3" or ">=3".',
        "anyOf": [whole(), text(r"(\d{1,9}(\s*-\s*(\d{1,9})?)?|[<>]=?\s*\d{1,9})")],
    },
    "attempts": {
        "description": 'Which events, from 1: 2, "1-2", "3-", or a list of such.',
        "anyOf": [whole(1), one_or_more(text(r"[1-9]\d{0,8}(-([1-9]\d{0,8})?)?"))],
    },
    "duration": text(_TIMES, 'A time such as "30s", "5m", "1h30m" or "5d".'),
    "age": text(rf"([<>]=?\s*{_TIMES}|{_WINDOW})", 'A time such as "<5m", ">=1h" or "5m..1h".'),
    "rate": text(r"\d{1,12}\s*/\s*(\d{1,12}(\.\d{1,9})?\s*)?(ms|s|m|h|d|w).*", 'So many in such a time: "100/1h".'),
    "during": {
        "description": 'A part of the run such as "10m..20m", "2d.." or "..1h", or a list of such.',
        **one_or_more(text(_WINDOW)),
    },
    "size": {
        "description": 'Octets: 4096, "512", "10MB" or "1MiB".',
        "anyOf": [whole(), text(_SIZE)],
    },
    "reply": text(
        "", r'A code and a text such as "451 4.7.1 try later"; "\n" begins another line, {rcpt} is filled in.'
    ),
    "caps": {
        "description": 'A keyword with its parameters such as "SIZE 1000", or "-8BITMIME" to hide one. Or a list.',
        **one_or_more(TEXT),
    },
    "key": {"description": "What is counted together.", **one_or_more(one_of(list(Key)))},
    "mechanisms": {
        "description": "Mechanisms of AUTH.",
        **one_or_more(one_of([*MECHANISMS, *map(str.lower, MECHANISMS)])),
    },
}
