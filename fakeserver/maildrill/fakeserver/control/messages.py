"""The calls about messages: what came, whole or in short; taking it away; waiting for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from maildrill.fakeserver.control.desk import Desk
from maildrill.fakeserver.control.operations import JSON, MESSAGE, Body, Operation, Query
from maildrill.fakeserver.control.problem import Problem
from maildrill.fakeserver.control.reading import filtered, number, seconds_of, taken, words_of
from maildrill.fakeserver.control.shapes import event_of, injected_of, message_of, whole_message_of
from maildrill.fakeserver.control.watching import EVENT_QUERY
from maildrill.fakeserver.journal.journal import Message, NotSeenError
from maildrill.fakeserver.journal.query import MESSAGE_WORDS, event_filter, message_filter
from maildrill.smtp.quantity import DURATION_WORDS

_T = TypeVar("_T")
_LONGEST = 600.0  # seconds that a request may wait


async def _messages(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    fits = filtered(message_filter, words)
    return JSONResponse({"messages": [message_of(message) for message in desk.journal.messages if fits(message)]})


async def _drain(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    drained = desk.journal.drain_if(filtered(message_filter, words))
    return JSONResponse({"messages": [whole_message_of(message) for message in drained]})


async def _message(request: Request, desk: Desk) -> Response:
    return JSONResponse(whole_message_of(_known(request, desk)))


async def _raw(request: Request, desk: Desk) -> Response:
    message = _known(request, desk)
    if not message.kept:
        raise Problem(410, "the octets of this message are not kept", hint="start with a larger --keep-octets")
    name = f'attachment; filename="message-{message.number}.eml"'
    return Response(message.content, media_type=MESSAGE, headers={"Content-Disposition": name})


async def _wait(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    count, seconds = _patience(words)
    filtered(message_filter, words)
    return await _as_long_as_it_is_wanted(request, desk, _messages_within(desk, words, count, seconds))


async def _wait_event(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    count, seconds = _patience(words)
    filtered(event_filter, words)
    return await _as_long_as_it_is_wanted(request, desk, _events_within(desk, words, count, seconds))


async def _injected(_request: Request, desk: Desk) -> Response:
    return JSONResponse({"injected": [injected_of(one) for one in desk.journal.injected]})


def _patience(words: dict[str, str | list[str]]) -> tuple[int, float]:
    count = taken(words, "count", 1, number(10_000, 1), "a whole number from 1 to 10000")
    seconds = taken(words, "timeout", 5.0, seconds_of, DURATION_WORDS)
    return count, min(seconds, _LONGEST)


async def _messages_within(desk: Desk, words: dict[str, Any], count: int, seconds: float) -> Response:
    found = await _patiently(desk, seconds, lambda left: desk.journal.wait_for(count=count, timeout=left, **words))
    return JSONResponse({"messages": [whole_message_of(message) for message in found]})


async def _events_within(desk: Desk, words: dict[str, Any], count: int, seconds: float) -> Response:
    journal = desk.journal
    found = await _patiently(desk, seconds, lambda left: journal.wait_for_event(count=count, timeout=left, **words))
    events = [event_of(entry, journal.generation) for entry in found]
    return JSONResponse({"events": events, "next": events[-1]["id"], "more": False})


async def _patiently(desk: Desk, seconds: float, wait: Callable[[float], Awaitable[tuple[_T, ...]]]) -> tuple[_T, ...]:
    """Wait for so many real seconds, whatever the server's clock does meanwhile. Raises Problem."""
    end = time.monotonic() + seconds
    while True:
        try:
            return await wait(max(desk.pass_in(end - time.monotonic()), 0.0))
        except NotSeenError as error:
            if desk.pace is None or time.monotonic() >= end:
                raise Problem(404, error.what, hint=error.hint) from None


async def _as_long_as_it_is_wanted(request: Request, desk: Desk, waiting: Coroutine[Any, Any, Response]) -> Response:
    """Return what is waited for, unless the client goes or the server stops meanwhile."""
    answer = asyncio.ensure_future(waiting)
    others = [asyncio.ensure_future(_gone(request)), asyncio.ensure_future(desk.stopping.wait())]
    try:
        await asyncio.wait([answer, *others], return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise Problem(503, "the server is stopping")
    finally:
        for task in (answer, *others):
            task.cancel()
            with suppress(asyncio.CancelledError, Problem):
                await task


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _known(request: Request, desk: Desk) -> Message:
    text = request.path_params["id"]
    message = desk.journal.message(int(text)) if text.isascii() and text.isdigit() else None
    if message is None:
        raise Problem(404, "there is no such message", hint="GET /v1/messages lists those that are there")
    return message


_MEANINGS = {
    "rcpt": "any recipient; a pattern as in a script",
    "domain": "any recipient's domain; a pattern",
    "from": "the reverse-path; a pattern",
    "subject": "the Subject field, decoded; a pattern",
    "body": "the text, decoded; a pattern: *code: 123* or ~code: \\d+",
    "message_id": "the Message-ID field, with its brackets or without; a pattern",
    "session": "the number of the session",
    "committed": "whether the server took it for anybody",
    "acknowledged": "whether a client was told so",
    "since": "Unix seconds or RFC 3339, this moment included",
    "until": "Unix seconds or RFC 3339, this moment excluded",
}


def _schema(name: str) -> dict[str, Any]:
    if name in ("committed", "acknowledged"):
        return {"type": "boolean"}
    text = {"type": "string"}
    return text if name in ("session", "since", "until") else {"type": "array", "items": text}


MESSAGE_QUERY = tuple(Query(name, _MEANINGS[name], _schema(name)) for name in MESSAGE_WORDS)
_PATIENCE = (
    Query("count", "how many are waited for", {"type": "integer", "minimum": 1, "default": 1}),
    Query("timeout", "real time after which to give up: 5s, 1m; at most 10m", {"type": "string", "default": "5s"}),
)

OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/messages",
        summary="The messages that came whole, in order, without their text.",
        handler=_messages,
        query=MESSAGE_QUERY,
        gives=Body({JSON: "Messages"}),
    ),
    Operation(
        method="DELETE",
        path="/v1/messages",
        summary="Take messages away: they are returned whole, each of them once.",
        handler=_drain,
        query=MESSAGE_QUERY,
        gives=Body({JSON: "WholeMessages"}),
    ),
    Operation(
        method="GET",
        path="/v1/messages/{id}",
        summary="One message with its fields, text, parts and octets.",
        handler=_message,
        gives=Body({JSON: "WholeMessage"}),
        problems=(404,),
    ),
    Operation(
        method="GET",
        path="/v1/messages/{id}/raw",
        summary="The octets of a message, as they came, un-stuffed.",
        handler=_raw,
        gives=Body({MESSAGE: None}),
        problems=(404, 410),
    ),
    Operation(
        method="GET",
        path="/v1/wait",
        summary="Wait for messages; those that are there already count. 404 says what came instead.",
        handler=_wait,
        query=(*MESSAGE_QUERY, *_PATIENCE),
        gives=Body({JSON: "WholeMessages"}),
        problems=(404, 503),
    ),
    Operation(
        method="GET",
        path="/v1/wait/event",
        summary="Wait for events, a refusal for instance; those that are there already count.",
        handler=_wait_event,
        query=(*EVENT_QUERY, *_PATIENCE),
        gives=Body({JSON: "Events"}),
        problems=(404, 503),
    ),
    Operation(
        method="GET",
        path="/v1/injected",
        summary="What the server sent by itself: bounces that a script injects.",
        handler=_injected,
        gives=Body({JSON: "InjectedMessages"}),
    ),
)
