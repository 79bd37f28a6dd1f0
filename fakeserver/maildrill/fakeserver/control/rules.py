"""The calls about rules: what is played, what is put before it, and what the next message only shall meet."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from maildrill.fakeserver.control.desk import Desk
from maildrill.fakeserver.control.operations import JSON, Body, Operation, Query
from maildrill.fakeserver.control.problem import Problem
from maildrill.fakeserver.control.reading import json_in, rule_in, taken, words_of
from maildrill.fakeserver.language.script import Rule
from maildrill.fakeserver.text.rule_writer import rule_to_toml
from maildrill.smtp import did_you_mean, escape


def rule_of(rule: Rule) -> dict[str, Any]:
    """Return the words of a rule: those of its table in a script."""
    (words,) = tomllib.loads(rule_to_toml(rule))["rule"]
    return dict(words)


def rules_of(rules: Sequence[Rule], desk: Desk) -> dict[str, Any]:
    """Return rules as a script has them, and how often each has fired."""
    fired = desk.engine.fired()
    return {
        "rule": [rule_of(rule) for rule in rules],
        "fired": {rule.name: fired[rule.name] for rule in rules if rule.name in fired},
    }


async def _list(_request: Request, desk: Desk) -> Response:
    return JSONResponse(rules_of(desk.script.rules, desk))


async def _replace_all(request: Request, desk: Desk) -> Response:
    body = await json_in(request)
    for key in body:
        if key not in ("rule", "fired"):
            raise Problem(422, f'unknown key "{escape(key)}"', expected="rule", pointer=f"/{key}")
    if not isinstance(body.get("rule"), list):
        raise Problem(422, "there are no rules", expected='{"rule": [{"at": "rcpt", …}, …]}', pointer="/rule")
    lint = desk.script.server.lint
    desk.change([rule_in(values, desk.name, lint=lint, pointer=f"/rule/{n}") for n, values in enumerate(body["rule"])])
    return JSONResponse(rules_of(desk.script.rules, desk))


async def _add(request: Request, desk: Desk) -> Response:
    words = words_of(request)
    last = taken(words, "place", 0, ["first", "last"].index, "one of: first last")
    rule = rule_in(await json_in(request), desk.name, lint=desk.script.server.lint)
    desk.change((*desk.script.rules, rule) if last else (rule, *desk.script.rules))
    return JSONResponse(rule_of(rule), 201)


async def _next(request: Request, desk: Desk) -> Response:
    rule = rule_in({"times": 1, "priority": 1, **await json_in(request)}, desk.name, lint=desk.script.server.lint)
    desk.once(rule)
    return JSONResponse(rule_of(rule), 201)


async def _remove_all(_request: Request, desk: Desk) -> Response:
    removed = rules_of(desk.script.rules, desk)
    desk.change(())
    return JSONResponse(removed)


async def _get(request: Request, desk: Desk) -> Response:
    return JSONResponse(rule_of(_called(request, desk)))


async def _replace(request: Request, desk: Desk) -> Response:
    name = request.path_params["name"]
    body = await json_in(request)
    if body.get("name", name) != name:
        raise Problem(422, "the rule is called otherwise than its address says", pointer="/name")
    rule = rule_in({**body, "name": name}, desk.name, lint=desk.script.server.lint)
    rules = desk.script.rules
    there = any(one.name == name for one in rules)
    desk.change([rule if one.name == name else one for one in rules] if there else (rule, *rules))
    return JSONResponse(rule_of(rule), 200 if there else 201)


async def _remove(request: Request, desk: Desk) -> Response:
    gone = _called(request, desk)
    desk.change([rule for rule in desk.script.rules if rule is not gone])
    return JSONResponse(rule_of(gone))


def _called(request: Request, desk: Desk) -> Rule:
    name, rules = request.path_params["name"], {rule.name: rule for rule in desk.script.rules}
    if name not in rules:
        raise Problem(404, f'no rule is called "{escape(name)}"', hint=did_you_mean(name, rules))
    return rules[name]


_RULE, _RULES = Body({JSON: "Rule"}), Body({JSON: "Rules"})

OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/rules",
        summary="The rules in force, in order.",
        handler=_list,
        gives=_RULES,
        problems=(409,),
    ),
    Operation(
        method="PUT",
        path="/v1/rules",
        summary="Replace all rules.",
        handler=_replace_all,
        takes=_RULES,
        gives=_RULES,
        problems=(409, 413, 422),
    ),
    Operation(
        method="POST",
        path="/v1/rules",
        summary="Add a rule before all others, or behind them.",
        handler=_add,
        query=(Query("place", "where it goes", {"enum": ["first", "last"], "default": "first"}),),
        takes=_RULE,
        gives=_RULE,
        status=201,
        problems=(409, 413, 422),
    ),
    Operation(
        method="DELETE",
        path="/v1/rules",
        summary="Remove all rules; they are returned.",
        handler=_remove_all,
        gives=_RULES,
        problems=(409,),
    ),
    Operation(
        method="POST",
        path="/v1/rules/next",
        summary="Add a rule that goes before all others, fires once, and is gone.",
        handler=_next,
        takes=_RULE,
        gives=_RULE,
        status=201,
        problems=(409, 413, 422),
    ),
    Operation(
        method="GET",
        path="/v1/rules/{name:path}",
        summary="One rule.",
        handler=_get,
        gives=_RULE,
        problems=(404, 409),
    ),
    Operation(
        method="PUT",
        path="/v1/rules/{name:path}",
        summary="Replace a rule where it stands, or add it before all others.",
        handler=_replace,
        takes=_RULE,
        gives=_RULE,
        problems=(409, 413, 422),
    ),
    Operation(
        method="DELETE",
        path="/v1/rules/{name:path}",
        summary="Remove a rule; it is returned.",
        handler=_remove,
        gives=_RULE,
        problems=(404, 409),
    ),
)
