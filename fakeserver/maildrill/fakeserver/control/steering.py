"""The calls about the server as a whole: script, scenario, clock, reset, metrics, health."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from maildrill.fakeserver.control.desk import Desk, Pace
from maildrill.fakeserver.control.metrics import metrics_of
from maildrill.fakeserver.control.operations import JSON, METRICS, TEXT, TOML, Body, Operation
from maildrill.fakeserver.control.problem import Problem
from maildrill.fakeserver.control.reading import pointed, table_in, text_in
from maildrill.fakeserver.control.rules import rules_of
from maildrill.fakeserver.control.shapes import event_of
from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.script_loader import load_text
from maildrill.fakeserver.text.script_writer import script_to_toml
from maildrill.smtp import ConfigurationError, timestamp

_FASTEST = 1_000_000.0
_FACTOR_WORDS = "a number from 0.001 to 1000000"


async def _script(_request: Request, desk: Desk) -> Response:
    return Response(script_to_toml(desk.shown), media_type=TOML)


async def _play(request: Request, desk: Desk) -> Response:
    text = await text_in(request)
    try:
        script = load_text(text, "body")
        desk.play(script)
    except ConfigurationError as error:
        raise Problem(422, error.what, expected=error.expected, hint=error.hint, where=error.where) from None
    return JSONResponse(rules_of(desk.script.rules, desk))


async def _scenario(_request: Request, desk: Desk) -> Response:
    engine, journal = desk.engine, desk.journal
    return JSONResponse(
        {
            "seed": engine.seed,
            "started": engine.started,
            "script": script_to_toml(desk.shown),
            "rules": rules_of(desk.script.rules, desk),
            "events": [event_of(entry, journal.generation) for entry in journal.entries],
        }
    )


async def _expectations(_request: Request, desk: Desk) -> Response:
    findings = desk.unmet()
    return JSONResponse({"met": not findings, "unmet": [{"text": str(finding)} for finding in findings]})


async def _reset(_request: Request, desk: Desk) -> Response:
    await desk.reset()
    return Response(status_code=204)


async def _clock(_request: Request, desk: Desk) -> Response:
    return _told(desk)


async def _set_clock(request: Request, desk: Desk) -> Response:
    pace, body = _pace(desk), await table_in(request)
    factor = body.raw("factor")
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0.001 <= factor <= _FASTEST:
        raise Problem(422, f"factor is {factor}", expected=_FACTOR_WORDS, pointer="/factor")
    try:
        body.finish()
    except ConfigurationError as error:
        raise pointed(error) from None
    pace.factor = float(factor)
    return _told(desk)


async def _advance(request: Request, desk: Desk) -> Response:
    pace, body = _pace(desk), await table_in(request)
    try:
        seconds = body.duration("by")
        body.finish()
    except ConfigurationError as error:
        raise pointed(error) from None
    pace.advance(seconds)
    await desk.server.settle()  # a timer that was set for a part of the time is set anew in a turn or two
    return _told(desk)


async def _metrics(_request: Request, desk: Desk) -> Response:
    engine = desk.server.engine
    fired = engine.fired() if isinstance(engine, Engine) else {}
    text = metrics_of(desk.journal, fired, desk.clock.now() - desk.started)
    return Response(text, headers={"Content-Type": METRICS})


async def _health(_request: Request, desk: Desk) -> Response:
    if desk.stopping.is_set():
        raise Problem(503, "the server is stopping")
    return PlainTextResponse("ok\n")


def _told(desk: Desk) -> JSONResponse:
    now = desk.clock.now()
    kind, factor = ("real", 1.0) if desk.pace is None else ("scaled", desk.pace.factor)
    return JSONResponse({"now": now, "time": timestamp(now), "kind": kind, "factor": factor})


def _pace(desk: Desk) -> Pace:
    if desk.pace is None:
        raise Problem(409, "a real clock cannot be steered", hint="start with --clock scaled:1")
    return desk.pace


_CLOCK = Body({JSON: "Clock"})

OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/script",
        summary="The script in force, as TOML; PUT takes it back.",
        handler=_script,
        gives=Body({TOML: None}),
        problems=(409,),
    ),
    Operation(
        method="PUT",
        path="/v1/script",
        summary="Play another script from now on: sessions stay open, unchanged rules keep their counts.",
        handler=_play,
        takes=Body({TOML: None}),
        gives=Body({JSON: "Rules"}),
        problems=(409, 413, 422),
    ),
    Operation(
        method="GET",
        path="/v1/scenario",
        summary="All that is needed to see it again: seed, script, and what happened.",
        handler=_scenario,
        gives=Body({JSON: "Scenario"}),
        problems=(409,),
    ),
    Operation(
        method="GET",
        path="/v1/expectations",
        summary="What is not as the script expects, so far.",
        handler=_expectations,
        gives=Body({JSON: "Expectations"}),
    ),
    Operation(
        method="POST",
        path="/v1/reset",
        summary="End all sessions, forget everything, and play the script that there was before all changes.",
        handler=_reset,
        status=204,
    ),
    Operation(method="GET", path="/v1/clock", summary="What time it is.", handler=_clock, gives=_CLOCK),
    Operation(
        method="POST",
        path="/v1/clock",
        summary="Let time pass so many times as fast.",
        handler=_set_clock,
        takes=Body({JSON: "ClockChange"}),
        gives=_CLOCK,
        problems=(409, 413, 422),
    ),
    Operation(
        method="POST",
        path="/v1/clock/advance",
        summary="Let so much time have passed: what was due within it is done when this is answered.",
        handler=_advance,
        takes=Body({JSON: "Advance"}),
        gives=_CLOCK,
        problems=(409, 413, 422),
    ),
    Operation(
        method="GET", path="/metrics", summary="Numbers for Prometheus.", handler=_metrics, gives=Body({METRICS: None})
    ),
    Operation(
        method="GET",
        path="/healthz",
        summary="Whether the server is there.",
        handler=_health,
        gives=Body({TEXT: None}),
        problems=(503,),
        free=True,
    ),
)
