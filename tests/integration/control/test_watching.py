"""What happened, over HTTP: events, sessions, messages, recipients; searched, waited for, streamed and taken away."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest

from maildrill.fakeserver.journal.journal import Injected, Journal


@dataclass
class Pace:
    """A pace that stays as it is."""

    factor: float

    def advance(self, seconds: float) -> None:
        """Do nothing."""


SCRIPT = """
[[rule]]
name = "gone"
at = "rcpt"
rcpt = "gone@*"
reply = "550 5.1.1 no such user"

[[rule]]
name = "lost"
at = "dot"
rcpt = "lost@*"
commit = true
cut = "before"
"""
STRICT = """
[server]
unmatched = "fail"
[[rule]]
name = "only ann"
at = "rcpt"
rcpt = "ann@*"
reply = "250 ok"
"""


def test_events_are_searched(scene: Any) -> None:
    """By the words of a script, and by outcome; refused commands are events too."""

    async def story(at: Any) -> Any:
        await at.send("ann@x.test", "gone@x.test")
        await at.send("lost@x.test")
        found = await at.got("/v1/events", stage="rcpt", outcome="refused", rcpt="*@x.test")
        lost = await at.got("/v1/events", outcome="cut")
        several = await at.got("/v1/events", stage=["ehlo", "data"], session=1)
        return found["events"], lost["events"], [event["stage"] for event in several["events"]]

    (refused,), (lost,), several = scene(story, SCRIPT)

    assert {name: refused[name] for name in ("address", "outcome", "rule", "session", "closed", "message")} == {
        "address": "gone@x.test",
        "outcome": "refused",
        "rule": "gone",
        "session": 1,
        "closed": None,
        "message": None,
    }
    assert refused["reply"] == {"code": 550, "enhanced": "5.1.1", "lines": ["5.1.1 no such user"]}
    assert (lost["stage"], lost["reply"], lost["closed"], lost["message"]) == ("dot", None, "fin", 2)
    assert several == ["ehlo", "data"]


def test_events_are_read_on_from_where_one_was(scene: Any) -> None:
    """Page by page, without loss and without anything twice."""

    async def story(at: Any) -> Any:
        await at.send("ann@x.test")
        pages = [await at.got("/v1/events", limit=3)]
        while pages[-1]["more"]:
            pages.append(await at.got("/v1/events", limit=3, after=pages[-1]["next"]))
        await at.send("bob@x.test")
        more = await at.got("/v1/events", after=pages[-1]["next"], stage="rcpt")
        return [event["id"] for page in pages for event in page["events"]], [
            event["address"] for event in more["events"]
        ]

    ids, more = scene(story)

    assert ids == [f"1-{n}" for n in range(1, len(ids) + 1)]
    assert more == ["bob@x.test"]


def test_what_a_client_says_is_data(scene: Any) -> None:
    """Control characters and markup come out as they went in, in JSON."""

    async def story(at: Any) -> Any:
        reader, writer = await asyncio.open_connection(*at.smtp)
        await reader.readline()
        writer.write(b'NOOP <script>"\x1b[2J\xff\r\nQUIT\r\n')
        await reader.read()
        writer.close()
        response = await at.http.get("/v1/events?stage=noop")
        return response.headers, response.json()["events"][0]["command"], response.content

    headers, command, content = scene(story)

    assert command == 'NOOP <script>"\x1b[2Jÿ'
    assert b"\x1b" not in content
    assert (headers["content-type"], headers["x-content-type-options"]) == ("application/json", "nosniff")


async def read_events(lines: AsyncIterator[str], count: int) -> list[dict[str, str]]:
    """Return the next so many events of a stream, by the lines of its text."""
    events: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    async for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            events.append(fields)
            fields = {}
            if len(events) == count:
                break
    return events


def test_events_are_streamed_as_they_happen(scene: Any) -> None:
    """Those that fit; a client that comes again with the last id misses none."""

    async def story(at: Any) -> Any:
        await at.send("before@x.test")
        async with at.http.stream("GET", "/v1/events/stream?stage=rcpt") as response:
            kind = response.headers["content-type"]
            await at.send("ann@x.test")
            first = await read_events(response.aiter_lines(), 1)
        await at.send("bob@x.test", "cat@x.test")
        headers = {"Last-Event-ID": first[0]["id"]}
        async with at.http.stream("GET", "/v1/events/stream?stage=rcpt", headers=headers) as response:
            second = await read_events(response.aiter_lines(), 2)
        return kind, [json.loads(event["data"])["address"] for event in first + second]

    assert scene(story) == ("text/event-stream; charset=utf-8", ["ann@x.test", "bob@x.test", "cat@x.test"])


def test_a_stream_tells_what_it_lost(scene: Any) -> None:
    """A journal that keeps little cannot give everything to one that comes late."""

    async def story(at: Any) -> Any:
        await at.send("ann@x.test")
        async with at.http.stream("GET", "/v1/events/stream?after=1-1") as response:
            return await read_events(response.aiter_lines(), 4)

    lost, *kept = scene(story, journal=Journal(keep=3))

    assert (lost["event"], json.loads(lost["data"])) == ("lost", {"lost": int(kept[0]["id"][2:]) - 2})
    assert [json.loads(event["data"])["stage"] for event in kept] == ["data", "dot", "quit"]


def test_a_stream_tells_of_a_reset(scene: Any) -> None:
    """After it the ids begin anew."""

    async def story(at: Any) -> Any:
        async with at.http.stream("GET", "/v1/events/stream?stage=rcpt&after=0") as response:
            lines = response.aiter_lines()
            async with aclosing(lines):
                await at.send("ann@x.test")
                first = await read_events(lines, 1)
        await at.asked("POST", "/v1/reset")
        async with at.http.stream("GET", f"/v1/events/stream?stage=rcpt&after={first[0]['id']}") as response:
            await at.send("bob@x.test")
            second = await read_events(response.aiter_lines(), 1)
        return first, second

    first, second = scene(story)

    assert [json.loads(event["data"])["address"] for event in (*first, *second)] == ["ann@x.test", "bob@x.test"]
    assert (first[0]["id"].partition("-")[0], second[0]["id"].partition("-")[0]) == ("1", "2")


def test_an_open_stream_is_told_of_a_reset(scene: Any) -> None:
    """With an event of its own."""

    async def story(at: Any) -> Any:
        async with at.http.stream("GET", "/v1/events/stream?stage=rcpt") as response:
            await at.asked("POST", "/v1/reset")
            await at.send("ann@x.test")
            return await read_events(response.aiter_lines(), 2)

    reset, event = scene(story)

    assert (reset["event"], reset["id"], json.loads(event["data"])["address"]) == ("reset", "2-0", "ann@x.test")


def test_a_stream_ends_when_the_server_stops(scene: Any) -> None:
    """It is not cut in the middle of an event."""

    async def story(at: Any) -> Any:
        async with at.http.stream("GET", "/v1/events/stream") as response:
            lines = response.aiter_lines()
            first = await anext(lines)
            at.desk.close()
            return first, [line async for line in lines]

    assert scene(story) == (": listening", [""])


def test_a_stream_says_a_word_now_and_then(scene: Any) -> None:
    """So that a connection that is dead is noticed: after fifteen seconds, whatever the server's clock."""

    async def story(at: Any) -> Any:
        async with at.http.stream("GET", "/v1/events/stream?stage=rcpt") as response:
            lines = response.aiter_lines()
            first = [await anext(lines) for _ in range(4)]
            async with aclosing(lines):
                await at.send("ann@x.test")
                return first, json.loads((await read_events(lines, 1))[0]["data"])["address"]

    assert scene(story, pace=Pace(0.001)) == ([": listening", "", ": quiet", ""], "ann@x.test")


def test_messages_are_searched_and_read(scene: Any) -> None:
    """In short, whole, and as they came."""
    letter = "Subject: =?utf-8?q?caf=C3=A9?=\r\nTo: ann@x.test\r\n\r\nhello\r\n"

    async def story(at: Any) -> Any:
        await at.send("ann@x.test", letter=letter)
        await at.send("lost@x.test")
        (short,) = (await at.got("/v1/messages", subject="caf?"))["messages"]
        (lost,) = (await at.got("/v1/messages", acknowledged="false"))["messages"]
        whole = await at.got(f"/v1/messages/{short['id']}")
        raw = await at.http.get(f"/v1/messages/{short['id']}/raw")
        return short, lost, whole, raw

    short, lost, whole, raw = scene(story, SCRIPT)

    assert (short["rcpt"], short["committed"], short["acknowledged"]) == (["ann@x.test"], True, True)
    assert (lost["rcpt"], lost["committed"], lost["acknowledged"], lost["reply"]) == (
        ["lost@x.test"],
        True,
        False,
        None,
    )
    assert whole["header"][0] == {"name": "Subject", "value": "café"}
    assert (whole["text"], whole["html"]) == ("hello\n", "")
    assert whole["parts"] == [{"content_type": "text/plain", "filename": None, "size": 7}]
    assert (raw.headers["content-type"], raw.text) == ("message/rfc822", letter)


def test_messages_are_found_by_what_is_in_them(scene: Any) -> None:
    """As by the word `body` of a script: decoded."""
    letter = "Content-Transfer-Encoding: base64\r\n\r\nWW91ciBjb2RlIGlzIDQ3MTE=\r\n"

    async def story(at: Any) -> Any:
        await at.send("ann@x.test", letter=letter)
        await at.send("bob@x.test")
        return [one["rcpt"] for one in (await at.got("/v1/messages", body="~code is \\d+"))["messages"]]

    assert scene(story) == [["ann@x.test"]]


def test_messages_are_taken_away_once(scene: Any) -> None:
    """DELETE returns what it drained, whole."""

    async def story(at: Any) -> Any:
        for name in ("ann", "bob"):
            await at.send(f"{name}@x.test")
        first = await at.asked("DELETE", "/v1/messages?rcpt=ann@*")
        again = await at.asked("DELETE", "/v1/messages?rcpt=ann@*")
        left = await at.got("/v1/messages")
        return (
            first["messages"],
            again,
            [one["rcpt"] for one in left["messages"]],
            await at.refused("GET", "/v1/messages/1"),
        )

    (drained,), again, left, gone = scene(story)

    assert (drained["rcpt"], drained["text"]) == (["ann@x.test"], "hello\n")
    assert (again, left, gone["status"]) == ({"messages": []}, [["bob@x.test"]], 404)


def test_octets_that_are_not_kept_are_gone(scene: Any) -> None:
    """410, not an empty message; what else is known is told."""

    async def story(at: Any) -> Any:
        await at.send("ann@x.test")
        whole = await at.got("/v1/messages/1")
        return whole["kept"], whole["raw"], len(whole["sha256"]), await at.refused("GET", "/v1/messages/1/raw")

    kept, raw, digest, gone = scene(story, journal=Journal(octets=0))

    assert (kept, raw, digest, gone["status"]) == (False, None, 64, 410)


def test_a_message_is_waited_for(scene: Any) -> None:
    """By what it is, however many others come; what was there already counts."""

    async def story(at: Any) -> Any:
        waiting = asyncio.ensure_future(at.got("/v1/wait", rcpt="ann@x.test", timeout="10s"))
        await at.send("bob@x.test")
        await at.send("ann@x.test")
        came = await waiting
        again = await at.got("/v1/wait", rcpt="*@x.test", count=2, timeout="0")
        return [one["rcpt"] for one in came["messages"]], came["messages"][0]["text"], len(again["messages"])

    assert scene(story) == ([["ann@x.test"]], "hello\n", 2)


def test_a_refusal_is_waited_for(scene: Any) -> None:
    """As an event."""

    async def story(at: Any) -> Any:
        waiting = asyncio.ensure_future(at.got("/v1/wait/event", stage="rcpt", code=550, timeout="10s"))
        await at.send("ann@x.test", "gone@x.test")
        return [event["address"] for event in (await waiting)["events"]]

    assert scene(story, SCRIPT) == ["gone@x.test"]


def test_a_wait_is_as_long_as_it_says_whatever_the_clock_does(scene: Any) -> None:
    """Its time is real time: a server's clock that is set on meanwhile does not cut it short."""

    async def story(at: Any) -> Any:
        began = time.monotonic()
        told = await at.refused("GET", "/v1/wait?timeout=100ms")
        return told["status"], time.monotonic() - began >= 0.1

    assert scene(story, pace=Pace(0.01)) == (404, True)


@pytest.mark.parametrize(("path", "what"), [("/v1/wait", "no message with"), ("/v1/wait/event", "no event with")])
def test_what_does_not_come_is_told_with_what_came(scene: Any, path: str, what: str) -> None:
    """404, and the RCPT command that was refused."""

    async def story(at: Any) -> Any:
        await at.send("ann@x.test", "gone@x.test")
        query = {"rcpt": "gone@x.test"} if path == "/v1/wait" else {"rcpt": "none@x.test"}
        return await at.refused("GET", path, params={**query, "timeout": "0.05s"})

    told = scene(story, SCRIPT)

    assert (told["status"], told["detail"].startswith(what)) == (404, True)
    assert "550 5.1.1 no such user" in told["hint"]


def test_who_waits_when_the_server_stops_is_told(scene: Any) -> None:
    """And the stop does not wait for the wait."""

    async def story(at: Any) -> Any:
        waiting = asyncio.ensure_future(at.refused("GET", "/v1/wait?timeout=10m"))
        await at.got("/v1/sessions")
        at.desk.close()
        return (await waiting)["status"], (await at.refused("GET", "/healthz"))["status"]

    assert scene(story) == (503, 503)


def test_who_goes_while_waiting_leaves_nothing_behind(scene: Any) -> None:
    """The wait ends with the connection."""

    async def story(at: Any) -> Any:
        journal = at.server.journal
        watch = journal.watch

        def noticed(watcher: Any) -> Any:
            unwatch = watch(watcher)
            begun.set()

            def over() -> None:
                unwatch()
                ended.set()

            return over

        begun, ended = asyncio.Event(), asyncio.Event()
        journal.watch = noticed
        waiting = asyncio.ensure_future(at.got("/v1/wait?timeout=10m"))
        await begun.wait()
        waiting.cancel()
        await ended.wait()
        return True

    assert scene(story)


def test_sessions_and_their_dialogues(scene: Any) -> None:
    """As text for people, as JSON for programs."""

    async def story(at: Any) -> Any:
        await at.send("ann@x.test", "gone@x.test")
        listed = await at.got("/v1/sessions", open="false")
        none = await at.got("/v1/sessions", open="true")
        one = await at.got("/v1/sessions/1")
        text = await at.http.get("/v1/sessions/1/transcript")
        lines = await at.asked("GET", "/v1/sessions/1/transcript", headers={"Accept": "application/json"})
        also = await at.got("/v1/sessions/1/transcript", format="json")
        return listed["sessions"], none["sessions"], one, text, lines, also

    listed, none, one, text, lines, also = scene(story, SCRIPT)

    assert (listed, none, one["client"]) == ([one], [], "127.0.0.1")
    assert one["closed"] in ("fin", "client")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "<** 550 5.1.1 no such user" in text.text
    assert ("<**", "550 5.1.1 no such user") in [(line["mark"], line["text"]) for line in lines["lines"]]
    assert lines == also


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/sessions/7", 404),
        ("/v1/sessions/7/transcript", 404),
        ("/v1/sessions/x", 404),
        ("/v1/sessions/²", 404),
        ("/v1/messages/7", 404),
        ("/v1/messages/x/raw", 404),
        ("/v1/nothing", 404),
    ],
)
def test_what_is_not_there_is_a_404(scene: Any, path: str, status: int) -> None:
    """With a hint."""

    async def story(at: Any) -> Any:
        return await at.refused("GET", path)

    told = scene(story)

    assert (told["status"], "hint" in told) == (status, True)


def test_what_the_server_sent_by_itself_is_listed(scene: Any) -> None:
    """With the message that it is about."""
    bounce = Injected(at=1.0, rcpt="news@shop.test", kind="dsn", content=b"To: x\r\n\r\n", about=3, rule="late")

    async def story(at: Any) -> Any:
        at.server.journal.inject(bounce)
        return (await at.got("/v1/injected"))["injected"]

    assert scene(story) == [
        {
            "at": 1.0,
            "time": "1970-01-01T00:00:01.000Z",
            "rcpt": "news@shop.test",
            "kind": "dsn",
            "about": 3,
            "rule": "late",
            "outcome": None,
            "raw": "VG86IHgNCg0K",
        }
    ]


def test_the_ledger_sets_committed_against_acknowledged(scene: Any) -> None:
    """For each recipient, and in sum."""

    async def story(at: Any) -> Any:
        await at.send("ann@x.test", "gone@x.test")
        await at.send("lost@y.test")
        return await at.got("/v1/ledger"), await at.got("/v1/ledger", domain="y.test", rcpt="~lost")

    whole, part = scene(story, SCRIPT)
    rows = {
        row["rcpt"]: (row["asked"], row["refused"], row["committed"], row["acknowledged"])
        for row in whole["recipients"]
    }

    assert rows == {"ann@x.test": (1, 0, 1, 1), "gone@x.test": (1, 1, 0, 0), "lost@y.test": (1, 0, 1, 0)}
    assert (whole["committed"], whole["acknowledged"]) == (2, 1)
    assert [row["rcpt"] for row in part["recipients"]] == ["lost@y.test"]


def test_near_misses_say_why_a_rule_did_not_fire(scene: Any) -> None:
    """Also where a correct server answers what no rule does; the event itself is not blown up by it."""

    async def story(at: Any) -> Any:
        await at.send("ann@x.test")
        near = await at.got("/v1/near-misses", stage="rcpt")
        none = await at.got("/v1/near-misses", outcome="unmatched")
        few = await at.got("/v1/near-misses", limit=1)
        (event,) = (await at.got("/v1/events", stage="rcpt"))["events"]
        return near, none, few, event

    near, none, few, event = scene(story, SCRIPT)

    assert [miss["text"] for one in near["events"] for miss in one["near_misses"]] == [
        'gone: rcpt = "gone@*" but rcpt is ann@x.test'
    ]
    assert (none["events"], event["near_misses"]) == ([], [])
    assert ([one["stage"] for one in few["events"]], few["more"]) == (["dot"], True)


def test_near_misses_outlive_other_events(scene: Any) -> None:
    """Those of a strict script, of which there are few."""

    async def story(at: Any) -> Any:
        await at.send("bob@x.test")
        await at.send("ann@x.test")
        return [one["address"] for one in (await at.got("/v1/near-misses"))["events"]]

    assert scene(story, STRICT, journal=Journal(keep=3)) == ["bob@x.test"]


def test_near_misses_say_what_each_rule_lacked(scene: Any) -> None:
    """For what a strict script has no rule for."""

    async def story(at: Any) -> Any:
        await at.send("bob@x.test")
        return (await at.got("/v1/near-misses"))["events"], (await at.got("/v1/events", outcome="unmatched"))["events"]

    (event,), also = scene(story, STRICT)

    assert (event["address"], event["unmatched"], also) == ("bob@x.test", True, [event])
    assert "only ann" in event["near_misses"][0]["text"]


@pytest.mark.parametrize(
    ("path", "query", "parameter"),
    [
        ("/v1/events", {"stage": "rctp"}, "stage"),
        ("/v1/events", {"recipient": "x"}, "recipient"),
        ("/v1/events", {"limit": "0"}, "limit"),
        ("/v1/events", {"limit": ["1", "2"]}, "limit"),
        ("/v1/events", {"after": "yesterday"}, "after"),
        ("/v1/events", {"since": "yesterday"}, "since"),
        ("/v1/events/stream", {"code": "no"}, "code"),
        ("/v1/messages", {"committed": "maybe"}, "committed"),
        ("/v1/messages", {"rcpt": "~("}, "rcpt"),
        ("/v1/wait", {"timeout": "soon"}, "timeout"),
        ("/v1/wait", {"count": "0"}, "count"),
        ("/v1/wait", {"stage": "rcpt"}, "stage"),
        ("/v1/wait/event", {"closed": "x"}, "closed"),
        ("/v1/sessions", {"open": "x"}, "open"),
        ("/v1/sessions/1", {"open": "x"}, "open"),
        ("/v1/ledger", {"rcpt": "~("}, "rcpt"),
    ],
)
def test_a_parameter_that_cannot_be_is_told(scene: Any, path: str, query: dict[str, Any], parameter: str) -> None:
    """400, with its name and what it can be."""

    async def story(at: Any) -> Any:
        return await at.refused("GET", path, params=query)

    told = scene(story)

    assert (told["status"], told["parameter"], "expected" in told) == (400, parameter, True)
