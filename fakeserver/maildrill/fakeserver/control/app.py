"""The HTTP interface as an ASGI application: routes from the table of operations, problems for what goes wrong.

Rule 1: every call is in the table; what is not there does not exist.
Rule 2: a fault of ours is reported to the loop, and the client gets a 500 without its text.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from http import HTTPStatus
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from maildrill.fakeserver.control import messages, rules, steering, watching
from maildrill.fakeserver.control.desk import Desk
from maildrill.fakeserver.control.guard import Guard, problem_response
from maildrill.fakeserver.control.openapi import openapi
from maildrill.fakeserver.control.operations import JSON, Body, Operation
from maildrill.fakeserver.control.problem import Problem
from maildrill.fakeserver.control.reading import check_words
from maildrill.smtp import MaildrillError


async def _describe(_request: Request, _desk: Desk) -> Response:
    return Response(json.dumps(openapi(OPERATIONS, version("maildrill"))), media_type=JSON)


OPERATIONS: tuple[Operation, ...] = (
    *rules.OPERATIONS,
    *watching.OPERATIONS,
    *messages.OPERATIONS,
    *steering.OPERATIONS,
    Operation(
        method="GET",
        path="/openapi.json",
        summary="This interface, as OpenAPI 3.1.",
        handler=_describe,
        gives=Body({JSON: None}),
        free=True,
    ),
)


def application(desk: Desk, *, token: str | None, hosts: Collection[str]) -> Guard:
    """Return the application; see Guard for token and hosts."""
    app = Starlette(
        routes=[_route(operation, desk) for operation in OPERATIONS], exception_handlers={HTTPException: _no_such_call}
    )
    free = {operation.path for operation in OPERATIONS if operation.free}
    return Guard(app, token=token, hosts=hosts, free=free)


def _route(operation: Operation, desk: Desk) -> Route:
    known = [query.name for query in operation.query]

    async def endpoint(request: Request) -> Response:
        try:
            check_words(request, known)
            response: Response = await operation.handler(request, desk)
        except MaildrillError as error:
            return problem_response(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception as error:
            context = {"message": f"{operation.method} {operation.path} failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            return problem_response(Problem(500, "internal error", hint="this is a bug in maildrill"))
        return response

    return Route(operation.path, endpoint, methods=[operation.method])


async def _no_such_call(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    what = "there is no such call" if status == 404 else f"this cannot be asked of it: {HTTPStatus(status).phrase}"
    return problem_response(Problem(status, what, hint="GET /openapi.json lists all calls"), headers)
