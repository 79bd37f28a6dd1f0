"""JSON Schema (draft 2020-12) of a script, for editors, and of a rule in JSON, for the control plane.

It is made of the tables of words; what a schema cannot say (which words go together) the readers do. Pure.
"""

from __future__ import annotations

from maildrill.fakeserver.authoring.schema_kinds import KINDS, Schema, known, table
from maildrill.fakeserver.authoring.schema_words import (
    EXPECT,
    INJECT,
    ITEM,
    LIMITS,
    OUTCOME,
    PROFILE,
    RULE,
    SCENARIO,
    SERVER,
    TOP,
)
from maildrill.fakeserver.language.expectation import ALL, EACH, EVENTS, WHICH
from maildrill.fakeserver.language.injection import OF_KIND
from maildrill.fakeserver.language.scenario import ENDS, OF_EACH

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def script_schema() -> Schema:
    """Return the schema of a whole script, be it TOML or JSON."""
    return {
        "$schema": DIALECT,
        "title": "maildrill script",
        "description": "What maildrill's fake SMTP server says and does.",
        **table(TOP),
        "$defs": definitions(),
    }


def rule_schema() -> Schema:
    """Return the schema of one rule as a JSON object, complete in itself."""
    return {"$schema": DIALECT, "title": "maildrill rule", **known("rule"), "$defs": definitions()}


def definitions() -> dict[str, Schema]:
    """Return what is referred to as `#/$defs/…`: the tables, and the kinds of values."""
    return {
        "rule": _replying(table(RULE, ("at",), "One [[rule]]: where, who, when, and what the server does.")),
        "item": {
            **_replying(table(ITEM, ("weight",), "One of the alternatives of a mix.")),
            "if": {"minProperties": 2},
            "then": {"required": ["at"]},
        },
        "profile": table(PROFILE, ("mix",), "One [[profile]]: a mix of which each attempt draws one item."),
        "expect": {
            **table(EXPECT, (), "One [[expect]]: what should have come of it."),
            "anyOf": [{"required": [word]} for word in (*EACH, *ALL, *EVENTS)],
            "dependentSchemas": {word: {"anyOf": [{"required": [one]} for one in WHICH]} for word in EVENTS},
        },
        "inject": {
            **table(INJECT, ("on_commit", "kind"), "One [[inject]]: what the server sends by itself later."),
            "dependentSchemas": {
                word: {"properties": {"kind": {"const": str(kind)}}} for word, kind in OF_KIND.items()
            },
            "dependentRequired": {"outside": ["to"]},
        },
        "scenario": table(SCENARIO, ("purpose", "source"), "[scenario]: what the script is for, and what comes of it."),
        "outcome": {
            **table(OUTCOME, (), "One [[scenario.outcome]]: what a correct sender says of its recipients."),
            "anyOf": [{"required": [word]} for word in (*OF_EACH, *ENDS)],
        },
        "server": table(SERVER, (), "[server]: what the server is like apart from its rules."),
        "limits": table(LIMITS, (), "[server.limits]: how much clients may ask of the server."),
        **KINDS,
    }


def _replying(schema: Schema) -> Schema:
    """Return the schema of what has one reply, or several, or raw octets, but not two of these."""
    both = [{"required": [one, other]} for one, other in (("reply", "replies"), ("raw", "reply"), ("raw", "replies"))]
    return {**schema, "not": {"anyOf": both}, "dependentRequired": {"outside": ["to"]}}
