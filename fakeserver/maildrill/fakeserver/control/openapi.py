"""The OpenAPI 3.1 document of the HTTP interface, made from the same table as its routes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from maildrill.fakeserver.control.operations import PROBLEM, Body, Operation
from maildrill.fakeserver.control.schemas import SCHEMAS, ref

#: What every call may end with: a mistake in the request, no token, a wrong host, a fault of ours.
_ALWAYS = (400, 401, 403, 500)


def openapi(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """Return the document of these operations."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = operation.path.replace(":path}", "}")
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "maildrill serve",
            "version": version,
            "summary": "Watch and steer a scripted SMTP server.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(operation.status): {
            "description": HTTPStatus(operation.status).phrase,
            **({"content": _content(operation.gives)} if operation.gives else {}),
        }
    }
    for status in (*_ALWAYS, *operation.problems):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM: {"schema": ref("Problem")}},
        }
    described: dict[str, Any] = {
        "operationId": _name(operation),
        "summary": operation.summary,
        "parameters": [
            *(
                {"name": part.partition(":")[0], "in": "path", "required": True, "schema": {"type": "string"}}
                for part in operation.parts
            ),
            *(
                {"name": query.name, "in": "query", "description": query.meaning, "schema": query.schema}
                for query in operation.query
            ),
        ],
        "responses": responses,
    }
    if operation.takes:
        described["requestBody"] = {"required": operation.takes.required, "content": _content(operation.takes)}
    if operation.free:
        described["security"] = []
    return described


def _content(body: Body) -> dict[str, Any]:
    return {media: {"schema": ref(name) if name else {"type": "string"}} for media, name in body.content.items()}


def _name(operation: Operation) -> str:
    words = [part.strip("{}").partition(":")[0] for part in operation.path.split("/") if part and part != "v1"]
    return "_".join([operation.method.lower(), *words]).replace("-", "_").replace(".", "_")
