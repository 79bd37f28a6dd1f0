"""The JSON Schema (draft 2020-12) of one line of the event log, made from log_schema. Pure.

Rule: a reader passes over kinds and fields that it does not know, and so does this: only what is known is checked.
"""

from __future__ import annotations

from collections.abc import Iterable

from maildrill.sender.log_kind import Field, Kind
from maildrill.sender.log_schema import COMMON, KINDS, RESPONSE, VERSION

_Schema = dict[str, object]
_TYPES: dict[str, _Schema] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "list of text": {"type": "array", "items": {"type": "string"}},
    "response": {"$ref": "#/$defs/response"},
}


def log_schema() -> _Schema:
    """Return the schema of an event: docs/log.schema.json, and what `maildrill schema log` prints."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of maildrill's sender, one line of events.jsonl",
        **_object(Field(name, kind, meaning) for name, kind, meaning in COMMON),
        "allOf": [{"properties": {"v": {"const": VERSION}}}, *map(_when, KINDS.values())],
        "$defs": {"response": _object(RESPONSE)},
    }


def _when(kind: Kind) -> _Schema:
    """Say what an event of this kind must hold besides."""
    return {
        "if": {"properties": {"kind": {"const": kind.name}}},
        "then": {"description": kind.meaning, **_object(kind.fields)},
    }


def _object(fields: Iterable[Field]) -> _Schema:
    listed = list(fields)
    return {
        "type": "object",
        "required": [field.name for field in listed if not field.optional],
        "properties": {field.name: {**_TYPES[field.type], "description": field.meaning} for field in listed},
    }
