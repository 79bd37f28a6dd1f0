"""The calls that read the journal: events, sessions, recipients, near misses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from maildrill.fakeserver.control.desk import Desk
from maildrill.fakeserver.control.operations import EVENTS, JSON, TEXT, Body, Operation, Query
from maildrill.fakeserver.control.problem import Problem
from maildrill.fakeserver.control.reading import filtered, number, taken, words_of
from maildrill.fakeserver.control.shapes import Json, event_of, session_of, standing_of, transcript_of
from maildrill.fakeserver.control.stream import Cursor, follow
from maildrill.fakeserver.journal.journal import SessionRecord
from maildrill.fakeserver.journal.query import EVENT_WORDS, event_filter
from maildrill.fakeserver.language.pattern import Pattern, select
from maildrill.smtp import domain_of

_MOST = 10_000  # events in one answer
_ALL = 1000  # near misses of one event


async def _events(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    after = taken(words, "after", Cursor(), Cursor.of, 'what "next" or an event\'s "id" was, such as 1-250')
    limit = taken(words, "limit", 1000, number(_MOST, 1), f"a whole number from 1 to {_MOST}")
    fits = filtered(event_filter, words)
    journal = desk.journal
    found: list[Json] = []
    last = after.within(journal)
    entries = journal.since(last)
    for entry in entries:
        if len(found) == limit:
            break
        last = entry.number
        if fits(entry):
            found.append(event_of(entry, journal.generation))
    more = bool(entries) and last < entries[-1].number
    return JSONResponse({"events": found, "next": str(Cursor(journal.generation, last)), "more": more})


async def _stream(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    now = Cursor(desk.journal.generation, desk.journal.totals.entries)
    asked = request.headers.get("last-event-id") or None
    if asked is not None and "after" not in words:
        words["after"] = asked
    after = taken(words, "after", now, Cursor.of, "the id of an event, such as 1-250")
    pieces: AsyncIterator[str] = follow(desk, after, filtered(event_filter, words))
    return StreamingResponse(pieces, media_type=EVENTS)


async def _near_misses(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    limit = taken(words, "limit", 100, number(_MOST, 1), f"a whole number from 1 to {_MOST}")
    fits = filtered(event_filter, words)
    journal = desk.journal
    entries = journal.entries
    oldest = entries[0].number if entries else 0
    before = (entry for entry in journal.near_misses if entry.number < oldest)  # kept longer than others
    found = [entry for entry in (*before, *entries) if entry.near_misses and fits(entry)]
    return JSONResponse(
        {
            "events": [event_of(entry, journal.generation, misses=_ALL) for entry in found[-limit:]],
            "next": str(Cursor(journal.generation, journal.totals.entries)),
            "more": len(found) > limit,
        }
    )


async def _sessions(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    wanted = taken(words, "open", -1, ["false", "true"].index, "true or false")
    records = [one for one in desk.journal.sessions if wanted < 0 or (one.closed is None) is bool(wanted)]
    return JSONResponse({"sessions": [session_of(record) for record in records]})


async def _session(request: Request, desk: Desk) -> Response:
    return JSONResponse(session_of(_known(request, desk)))


async def _transcript(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    accepted = JSON in request.headers.get("accept", "")
    as_json = taken(words, "format", int(accepted), ["text", "json"].index, "one of: text json")
    transcript = desk.journal.transcript(_known(request, desk).number)
    if as_json:
        return JSONResponse({"lines": transcript_of(transcript)})
    return PlainTextResponse(f"{transcript}\n")


async def _ledger(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    rcpt, domain = (
        taken(words, name, Pattern("*"), Pattern, "a pattern, as in a script") for name in ("rcpt", "domain")
    )
    totals = desk.journal.totals
    return JSONResponse(
        {
            "recipients": [
                standing_of(record)
                for record in desk.journal.ledger
                if _fits(rcpt, record.address) and _fits(domain, domain_of(record.address))
            ],
            "committed": totals.committed,
            "acknowledged": totals.acknowledged,
        }
    )


def _fits(pattern: Pattern, value: str) -> bool:
    return select((pattern,), value) is not None


def _known(request: Request, desk: Desk) -> SessionRecord:
    text = request.path_params["id"]
    record = desk.journal.session(int(text)) if text.isascii() and text.isdigit() else None
    if record is None:
        raise Problem(404, "there is no such session", hint="GET /v1/sessions lists those that are known")
    return record


def _listed(name: str) -> dict[str, Any]:
    text = {"type": "string"}
    return text if name in ("session", "since", "until") else {"type": "array", "items": text}


_MEANINGS = {
    "stage": "where: rcpt, dot, …; several are any of them",
    "outcome": "accepted, deferred, refused, cut, unmatched",
    "closed": "how the connection ended: fin, rst, client, timeout, …",
    "rcpt": "the recipient that it is about; a pattern as in a script",
    "domain": "the recipient's domain; a pattern",
    "from": "the reverse-path; a pattern",
    "rule": "the name of the rule that fired; a pattern",
    "code": "the code of the reply: 550, 55*, 4yz",
    "session": "the number of the session",
    "since": "Unix seconds or RFC 3339, this moment included",
    "until": "Unix seconds or RFC 3339, this moment excluded",
}
EVENT_QUERY = tuple(Query(name, _MEANINGS[name], _listed(name)) for name in EVENT_WORDS)


def _limit(default: int) -> Query:
    schema = {"type": "integer", "minimum": 1, "maximum": _MOST, "default": default}
    return Query("limit", "how many at most", schema)


_AFTER = Query("after", "only events behind the one of this id", {"type": "string"})

OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/events",
        summary="Every command, reply and close, also refused ones, oldest first.",
        handler=_events,
        query=(
            *EVENT_QUERY,
            _AFTER,
            _limit(1000),
        ),
        gives=Body({JSON: "Events"}),
    ),
    Operation(
        method="GET",
        path="/v1/events/stream",
        summary="The same as server-sent events, as they happen; Last-Event-ID goes on where a client was.",
        handler=_stream,
        query=(*EVENT_QUERY, _AFTER),
        gives=Body({EVENTS: None}),
    ),
    Operation(
        method="GET",
        path="/v1/near-misses",
        summary="The newest events that no rule answered, and what each rule of that stage lacked.",
        handler=_near_misses,
        query=(*EVENT_QUERY, _limit(100)),
        gives=Body({JSON: "Events"}),
    ),
    Operation(
        method="GET",
        path="/v1/sessions",
        summary="The connections.",
        handler=_sessions,
        query=(Query("open", "only those that are open, or that are not", {"type": "boolean"}),),
        gives=Body({JSON: "Sessions"}),
    ),
    Operation(
        method="GET",
        path="/v1/sessions/{id}",
        summary="One connection.",
        handler=_session,
        gives=Body({JSON: "Session"}),
        problems=(404,),
    ),
    Operation(
        method="GET",
        path="/v1/sessions/{id}/transcript",
        summary="Who said what when in a session, as text or, where the client accepts JSON, as that.",
        handler=_transcript,
        query=(Query("format", "wins over what the client accepts", {"enum": ["text", "json"]}),),
        gives=Body({TEXT: None, JSON: "Transcript"}),
        problems=(404,),
    ),
    Operation(
        method="GET",
        path="/v1/ledger",
        summary="For each recipient what was taken, and what clients were told.",
        handler=_ledger,
        query=(EVENT_QUERY[3], EVENT_QUERY[4]),
        gives=Body({JSON: "Ledger"}),
    ),
)
