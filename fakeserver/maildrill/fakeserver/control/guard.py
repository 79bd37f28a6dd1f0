"""Who may call: whoever has the token, under a name of this machine, and no page of another site in a browser.

Rule 1: a name in `Host` that is not ours means that somebody let theirs point here (DNS rebinding).
Rule 2: a browser says where a request comes from; one that comes from elsewhere is refused, token or not.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maildrill.fakeserver.control.operations import PROBLEM
from maildrill.fakeserver.control.problem import Problem, problem_of
from maildrill.smtp import MaildrillError, escape

_OURS = frozenset({"localhost"})
#: Said with every response: nothing is kept, guessed at, framed or run by a browser.
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Guard:
    """An ASGI application in front of another.

    token: None asks for none. hosts: names under which it may be called, besides localhost and addresses. free: paths
    for which no token is needed.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, hosts: Collection[str], free: Collection[str]) -> None:
        self._app = app
        self._token = None if token is None else token.encode()
        self._hosts = _OURS | {host.lower() for host in hosts}
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        app = self._app
        try:
            self._judge(headers, scope["path"])
        except Problem as problem:
            extra = {"WWW-Authenticate": 'Bearer realm="maildrill"'} if problem.status == 401 else {}
            app = problem_response(problem, extra)
        await app(scope, receive, partial(_with_headers, send))

    def _judge(self, headers: Headers, path: str) -> None:
        host = headers.get("host", "")
        if not self._ours(host):
            raise Problem(
                403,
                f'this is not called "{escape(host)}"',
                expected="localhost, an address, or a name that was allowed",
                hint="--http-allow-host allows a name",
            )
        site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
        if site not in ("none", "same-origin") or (origin is not None and urlsplit(origin).netloc != host):
            raise Problem(403, "a page of another site may not call this")
        if self._token is not None and path not in self._free:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
                raise Problem(401, "this needs the token", expected="Authorization: Bearer TOKEN")

    def _ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or _is_address(name)


async def _with_headers(send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        message["headers"] = [*message.get("headers", ()), *_HEADERS]
    await send(message)


def problem_response(error: MaildrillError, headers: Mapping[str, str] | None = None) -> Response:
    """Return what a client is answered with where something is wrong."""
    members = problem_of(error)
    return JSONResponse(members, members["status"], headers=headers, media_type=PROBLEM)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
