"""The server as a whole, over HTTP: script, scenario, reset, clock, metrics, and what the interface says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from maildrill.fakeserver.control.app import OPERATIONS
from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.text.script_file import read_script

SCRIPT = """
[server]
seed = 7
[[rule]]
name = "full"
at = "rcpt"
rcpt = "full@*"
times = 1
reply = "452 4.2.2 {id} full"
"""
PAGE = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text(encoding="utf-8")


@dataclass
class Stopwatch:
    """A pace that only notes what it is told."""

    factor: float = 1.0
    advanced: float = 0.0

    def advance(self, seconds: float) -> None:
        self.advanced += seconds


def test_a_script_is_read_and_replaced(scene: Any) -> None:
    """As TOML, with all that the rules have counted."""

    async def story(at: Any) -> Any:
        first = await at.send("full@x.test")
        script = (await at.http.get("/v1/script")).text
        put = await at.asked("PUT", "/v1/script", content=script)
        return first, script, put["fired"], await at.send("full@x.test")

    first, script, fired, then = scene(story, SCRIPT)

    assert (list(first), fired, then) == (["full@x.test"], {"full": 1}, {})
    assert read_script(script, "test.toml") == read_script(SCRIPT, "test.toml")


def test_passwords_are_not_shown(scene: Any) -> None:
    """A script that is put back as it was got keeps them; a new one may say others."""
    script = '[server]\nusers = { ann = "sesame", bob = "secret" }\n'

    async def story(at: Any) -> Any:
        shown = (await at.http.get("/v1/script")).text
        scenario = await at.got("/v1/scenario")
        await at.asked("PUT", "/v1/script", content=shown.replace('bob = "<redacted>"', 'bob = "other"'))
        return shown, scenario["script"], dict(at.server.settings.users)

    shown, also, users = scene(story, script)

    assert (shown == also, "sesame" in shown, 'ann = "<redacted>"' in shown) == (True, False, True)
    assert users == {"ann": "sesame", "bob": "other"}


def test_what_is_not_as_expected_is_told_while_it_runs(scene: Any) -> None:
    """By [[expect]], so far."""

    async def story(at: Any) -> Any:
        before = await at.got("/v1/expectations")
        await at.send("ann@x.test")
        return before, await at.got("/v1/expectations")

    before, after = scene(story, '[[expect]]\nrcpt = "ann@x.test"\ncommitted = 1\n')

    assert (before["met"], len(before["unmet"])) == (False, 1)
    assert "ann@x.test" in before["unmet"][0]["text"]
    assert after == {"met": True, "unmet": []}


def test_a_broken_script_leaves_the_old_one_in_force(scene: Any) -> None:
    """The error has the line."""

    async def story(at: Any) -> Any:
        told = await at.refused("PUT", "/v1/script", content=SCRIPT.replace('"rcpt"', '"rctp"'))
        return told, list(await at.send("full@x.test"))

    told, refused = scene(story, SCRIPT)

    assert (told["status"], told["where"], told["hint"]) == (422, "body:6", 'did you mean "rcpt"?')
    assert refused == ["full@x.test"]


def test_a_reset_makes_the_server_what_it_was(scene: Any) -> None:
    """Rules, counters, journal and numbers begin anew: the same happens again, to the letter."""

    async def story(at: Any) -> Any:
        runs = []
        for _ in range(2):
            await at.asked("POST", "/v1/rules", json={"at": "vrfy", "reply": "550 no"})
            runs.append(
                [
                    await at.send("full@x.test"),
                    (await at.got("/v1/rules")),
                    len((await at.got("/v1/sessions"))["sessions"]),
                ]
            )
            await at.asked("POST", "/v1/reset")
        return runs, await at.got("/v1/rules"), await at.got("/v1/events")

    (first, second), rules, events = scene(story, SCRIPT)

    assert first == second
    assert ([rule["name"] for rule in rules["rule"]], events) == (
        ["full"],
        {"events": [], "next": "3-0", "more": False},
    )


def test_a_script_that_is_put_is_what_a_reset_goes_back_to(scene: Any) -> None:
    """A rule that is added is not."""

    async def story(at: Any) -> Any:
        await at.asked("PUT", "/v1/script", content='[[rule]]\nname = "new"\nat = "noop"\nreply = "250 ok"\n')
        await at.asked("POST", "/v1/rules", json={"at": "vrfy", "reply": "550 no"})
        await at.asked("POST", "/v1/reset")
        return [rule["name"] for rule in (await at.got("/v1/rules"))["rule"]]

    assert scene(story, SCRIPT) == ["new"]


def test_a_scenario_is_all_that_is_needed_to_see_it_again(scene: Any) -> None:
    """Its script, with its seed, replies the same."""

    async def story(at: Any) -> Any:
        await at.send("full@x.test")
        return await at.got("/v1/scenario")

    told = scene(story, SCRIPT)
    engine = Engine(read_script(told["script"], "test.toml"), told["seed"], told["started"])

    assert (engine.seed, engine.script, told["rules"]["fired"]) == (7, read_script(SCRIPT, "test.toml"), {"full": 1})
    assert [event["rule"] for event in told["events"] if event["stage"] == "rcpt"] == ["full"]


def test_a_clock_is_steered_where_it_can_be(scene: Any) -> None:
    """Faster, and on by so much."""
    pace = Stopwatch()

    async def story(at: Any) -> Any:
        before = await at.got("/v1/clock")
        faster = await at.asked("POST", "/v1/clock", json={"factor": 60})
        await at.asked("POST", "/v1/clock/advance", json={"by": "5m"})
        return before, faster

    before, faster = scene(story, pace=pace)

    assert (before["kind"], before["factor"], faster["factor"]) == ("scaled", 1.0, 60.0)
    assert (pace.factor, pace.advanced) == (60.0, 300.0)


def test_a_real_clock_is_only_read(scene: Any) -> None:
    """The problem says how to get another."""

    async def story(at: Any) -> Any:
        told = [await at.refused("POST", path, json=body) for path, body in CHANGES]
        return await at.got("/v1/clock"), [(one["status"], one["hint"]) for one in told]

    clock, told = scene(story)

    assert (clock["kind"], clock["factor"]) == ("real", 1.0)
    assert told == [(409, "start with --clock scaled:1")] * 2


CHANGES = [("/v1/clock", {"factor": 2}), ("/v1/clock/advance", {"by": "1s"})]


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/clock", {"factor": 0}, "/factor"),
        ("/v1/clock", {"factor": True}, "/factor"),
        ("/v1/clock", {"factor": "2"}, "/factor"),
        ("/v1/clock", {}, "/factor"),
        ("/v1/clock", {"factor": 2, "speed": 3}, "/speed"),
        ("/v1/clock/advance", {"by": "soon"}, "/by"),
        ("/v1/clock/advance", {"by": 5}, "/by"),
        ("/v1/clock/advance", {"by": "1s", "at": "x"}, "/at"),
        ("/v1/clock/advance", {}, ""),
    ],
)
def test_a_change_of_the_clock_that_cannot_be_is_told(scene: Any, path: str, body: Any, pointer: str) -> None:
    """With its place."""

    async def story(at: Any) -> Any:
        return await at.refused("POST", path, json=body)

    told = scene(story, pace=Stopwatch())

    assert (told["status"], told["pointer"]) == (422, pointer)


def test_metrics_are_in_prometheus_format(scene: Any) -> None:
    """Each with its help and type; a rule's name is escaped."""
    script = SCRIPT.replace('"full"', r"'a\"b'")

    async def story(at: Any) -> Any:
        await at.send("full@x.test", "ann@x.test")
        response = await at.http.get("/metrics")
        return response.headers["content-type"], response.text.splitlines()

    kind, lines = scene(story, script)

    assert kind == "text/plain; version=0.0.4"
    assert {
        "# TYPE maildrill_sessions_total counter",
        "maildrill_sessions_total 1",
        'maildrill_commands_total{stage="rcpt"} 2',
        'maildrill_replies_total{class="4yz"} 1',
        "maildrill_messages_total 1",
        "maildrill_committed_total 1",
        "maildrill_acknowledged_total 1",
        r'maildrill_rule_fired_total{rule="a\\\"b"} 1',
    } <= set(lines)
    assert all(line.startswith(("# HELP maildrill_", "# TYPE maildrill_", "maildrill_")) for line in lines)


def test_the_interface_describes_itself(scene: Any) -> None:
    """As OpenAPI 3.1 that is valid, with every call that there is."""

    async def story(at: Any) -> Any:
        return (await at.http.get("/openapi.json", headers={"Authorization": ""})).json()

    document = scene(story)
    OpenAPIV31SpecValidator(document).validate()
    described = {(method.upper(), path) for path, calls in document["paths"].items() for method in calls}

    assert described == {(operation.method, operation.path.replace(":path}", "}")) for operation in OPERATIONS}
    assert len({call["operationId"] for calls in document["paths"].values() for call in calls.values()}) == len(
        OPERATIONS
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_each_call_is_documented(operation: Any) -> None:
    """docs/http-api.md names it with each of its parameters."""
    heading = f"{operation.method} {operation.path.replace(':path}', '}')}"

    assert f"`{heading}`" in PAGE
    assert [query.name for query in operation.query if f"`{query.name}`" not in PAGE] == []
