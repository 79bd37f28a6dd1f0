"""What a call of the HTTP interface is: one value for each, from which route, OpenAPI and the test of the docs come.

Rule: values only; the handlers are in modules of their own, and what they answer with is in `schemas`. Pure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: Takes a request of Starlette's and the desk, gives a response of Starlette's; this module knows none of them.
Handler = Callable[[Any, Any], Awaitable[Any]]

JSON = "application/json"
TOML = "application/toml"
TEXT = "text/plain"
MESSAGE = "message/rfc822"
EVENTS = "text/event-stream"
METRICS = "text/plain; version=0.0.4"
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter behind the question mark: its name, what it means, its JSON schema."""

    name: str
    meaning: str
    schema: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Body:
    """What a request or a response holds: for each media type the name of a schema, or None where it has none."""

    content: Mapping[str, str | None]
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call.

    path: with `{name}` for its parts that vary. summary: one sentence. query: its parameters. takes: the body that it
    wants. gives: the body that it answers with, None for none. problems: statuses of errors that it may end with,
    besides those that all calls have. free: no token is needed.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    query: tuple[Query, ...] = ()
    takes: Body | None = None
    gives: Body | None = None
    status: int = 200
    problems: tuple[int, ...] = ()
    free: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts of the path that vary."""
        return tuple(part.strip("{}") for part in self.path.split("/") if part.startswith("{"))
