"""What the HTTP interface answers with, as JSON Schema: a description of `shapes`, held to it by a test. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maildrill.fakeserver.authoring.schema import definitions

Schema = dict[str, Any]


def _object(properties: dict[str, Schema], *optional: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    """Return the reference to a schema of this table."""
    return {"$ref": f"#/components/schemas/{name}"}


TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer", "minimum": 0}
SECONDS: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}

_MESSAGE: dict[str, Schema] = {
    "id": NUMBER,
    "at": SECONDS,
    "time": TIME,
    "session": NUMBER,
    "from": TEXT,
    "rcpt": _list(TEXT),
    "message_id": _or_null(TEXT),
    "subject": _or_null(TEXT),
    "size": NUMBER,
    "sha256": _or_null(TEXT),
    "kept": FLAG,
    "committed": FLAG,
    "committed_for": _list(TEXT),
    "acknowledged": FLAG,
    "acknowledged_for": _list(TEXT),
    "reply": _or_null(ref("Reply")),
    "settled": FLAG,
}


def _moved(value: object) -> Any:
    """Return a part of the schema of scripts with its references to where it stands in an OpenAPI document."""
    if isinstance(value, Mapping):
        return {name: _moved(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(part) for part in value]
    return value.replace("#/$defs/", "#/components/schemas/script.") if isinstance(value, str) else value


SCHEMAS: dict[str, Schema] = {
    **{f"script.{name}": _moved(schema) for name, schema in definitions().items()},
    "Problem": {
        "description": "RFC 9457. `pointer` is where in the body the mistake is (RFC 6901), `parameter` in the query.",
        **_object(
            {
                "type": TEXT,
                "title": TEXT,
                "status": NUMBER,
                "detail": TEXT,
                "where": TEXT,
                "pointer": TEXT,
                "parameter": TEXT,
                "expected": TEXT,
                "hint": TEXT,
                "seen": NUMBER,
            },
            "where",
            "pointer",
            "parameter",
            "expected",
            "hint",
            "seen",
        ),
    },
    "Reply": _object(
        {"code": {"type": "integer", "minimum": 200, "maximum": 599}, "enhanced": _or_null(TEXT), "lines": _list(TEXT)}
    ),
    "NearMiss": {"type": "object", "properties": {"text": TEXT}, "required": ["text"]},
    "Event": _object(
        {
            "id": TEXT,
            "at": SECONDS,
            "time": TIME,
            "began": SECONDS,
            "session": NUMBER,
            "stage": TEXT,
            "command": _or_null(TEXT),
            "address": _or_null(TEXT),
            "reply": _or_null(ref("Reply")),
            "half": _or_null(ref("Reply")),
            "outcome": _or_null(TEXT),
            "rule": _or_null(TEXT),
            "handed_on": _or_null(TEXT),
            "unmatched": FLAG,
            "near_misses": _list(ref("NearMiss")),
            "closed": _or_null(TEXT),
            "message": _or_null(NUMBER),
        }
    ),
    "Events": _object({"events": _list(ref("Event")), "next": TEXT, "more": FLAG}),
    "Message": _object(_MESSAGE),
    "Messages": _object({"messages": _list(ref("Message"))}),
    "WholeMessage": _object(
        {
            **_MESSAGE,
            "header": _list(_object({"name": TEXT, "value": TEXT})),
            "text": TEXT,
            "html": TEXT,
            "parts": _list(_object({"content_type": TEXT, "filename": _or_null(TEXT), "size": NUMBER})),
            "raw": _or_null({"type": "string", "contentEncoding": "base64"}),
        }
    ),
    "WholeMessages": _object({"messages": _list(ref("WholeMessage"))}),
    "Injected": _object(
        {
            "at": SECONDS,
            "time": TIME,
            "rcpt": TEXT,
            "kind": TEXT,
            "about": _or_null(NUMBER),
            "rule": _or_null(TEXT),
            "outcome": _or_null(TEXT),
            "raw": {"type": "string", "contentEncoding": "base64"},
        }
    ),
    "InjectedMessages": _object({"injected": _list(ref("Injected"))}),
    "Session": _object(
        {
            "id": NUMBER,
            "client": TEXT,
            "helo": _or_null(TEXT),
            "opened": SECONDS,
            "closed_at": _or_null(SECONDS),
            "closed": _or_null(TEXT),
            "bare_newlines": NUMBER,
        }
    ),
    "Sessions": _object({"sessions": _list(ref("Session"))}),
    "Transcript": _object({"lines": _list(_object({"at": SECONDS, "mark": TEXT, "text": TEXT}))}),
    "Standing": _object(
        {
            "rcpt": TEXT,
            **dict.fromkeys(("asked", "accepted", "deferred", "refused", "cut", "committed", "acknowledged"), NUMBER),
        }
    ),
    "Ledger": _object({"recipients": _list(ref("Standing")), "committed": NUMBER, "acknowledged": NUMBER}),
    "Expectations": _object({"met": FLAG, "unmet": _list(_object({"text": TEXT}))}),
    "Rule": {"$ref": "#/components/schemas/script.rule"},
    "Rules": {
        "description": "`fired` says how often each rule has fired; what a client sends there is not read.",
        **_object({"rule": _list(ref("Rule")), "fired": {"type": "object", "additionalProperties": NUMBER}}, "fired"),
    },
    "Clock": _object({"now": SECONDS, "time": TIME, "kind": TEXT, "factor": SECONDS}),
    "ClockChange": _object({"factor": SECONDS}),
    "Advance": _object({"by": TEXT}),
    "Scenario": _object(
        {
            "seed": {"type": "integer"},
            "started": SECONDS,
            "script": TEXT,
            "rules": ref("Rules"),
            "events": _list(ref("Event")),
        }
    ),
}
