"""The published schema of the event log: what the sender writes fits it, and what does not fit is found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from maildrill.sender.attempt import Fault, Ruling, Scope, State, Verdict
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.log_json import encode
from maildrill.sender.log_json_schema import log_schema
from maildrill.sender.log_response import code_of, response, said
from maildrill.sender.log_sinks import Memory
from maildrill.smtp import Reply, Stage

SCHEMA = Draft202012Validator(log_schema())
RULING = Ruling(
    recipient="ann@example.com",
    verdict=Verdict.FAILED,
    scope=Scope.RECIPIENT,
    stage=Stage.RCPT,
    row="rcpt-5yz",
    reply=Reply.of("550 5.1.1 no such user"),
)


def logged(ruling: Ruling) -> dict[str, Any]:
    """Return the line of a try, read as JSON."""
    memory = Memory()
    ConnectionLog(memory).attempt(
        0.0, ruling, session=1, transaction=1, relay="mx:25", number=1, state=State.FAILED, delay=1.0
    )
    (event,) = memory.events
    found: dict[str, Any] = json.loads(encode(1, 0.0, event.kind, event.fields))
    return found


def test_it_is_a_schema() -> None:
    """By the rules of its dialect."""
    Draft202012Validator.check_schema(log_schema())


@pytest.mark.parametrize("reply", ["550 5.1.1 no such user", "550", "421 bye"])
def test_what_is_written_fits(reply: str) -> None:
    """With any reply, and with none."""
    from_reply = logged(Ruling(**{**_values(RULING), "reply": Reply.of(reply)}))
    from_fault = logged(Ruling(**{**_values(RULING), "reply": None, "fault": Fault.EOF}))

    assert [*SCHEMA.iter_errors(from_reply), *SCHEMA.iter_errors(from_fault)] == []


def _values(ruling: Ruling) -> dict[str, Any]:
    return {name: getattr(ruling, name) for name in Ruling.__slots__}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"v": 2}, "1 was expected"),
        ({"verdict": 3}, "3 is not of type 'string'"),
        ({"response": {"code": 550}}, "'content' is a required property"),
        ({"n": None}, "None is not of type 'integer'"),
    ],
)
def test_what_does_not_fit_is_found(change: dict[str, Any], fault: str) -> None:
    """A line that another version, or nobody, wrote."""
    assert fault in [error.message for error in SCHEMA.iter_errors({**logged(RULING), **change})]


def test_a_kind_of_the_future_is_passed_over() -> None:
    """As a reader does."""
    assert not list(SCHEMA.iter_errors({"v": 1, "n": 1, "at": 0, "kind": "moon.rose"}))


@pytest.mark.parametrize("text", ["550 5.1.1 no such user", "550", "250 2.0.0", "421 4.3.2  two blanks", "450 busy"])
def test_a_reply_reads_back_from_its_fields(text: str) -> None:
    """Code, enhanced code and text are what the server said."""
    fields = {"response": response(Reply.of(text), Stage.RCPT)}

    assert (said(fields), code_of(fields)) == (text, int(text[:3]))


def test_where_no_command_was_answered_none_is_named() -> None:
    """A greeting answers nothing; a fault is no reply."""
    assert response(Reply.of("554 no"), Stage.BANNER) == {"code": 554, "content": "no"}
    assert (said({}), code_of({})) == ("", None)
    assert code_of({"response": {"code": "x"}}) is None
