"""A fake server with its HTTP interface, both on real sockets in one loop, a mail client and an HTTP client."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import aiosmtplib
import httpx
import jsonschema
import pytest

from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.control.app import OPERATIONS
from maildrill.fakeserver.control.desk import Desk, Pace
from maildrill.fakeserver.control.openapi import openapi
from maildrill.fakeserver.control.service import ControlService
from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script

T = TypeVar("T")

DOCUMENT = openapi(OPERATIONS, "0")
PATIENCE = 20.0  # seconds after which a story counts as stuck
TOKEN = "of-the-test"  # noqa: S105 - it opens nothing
LETTER = "Subject: Hello\r\nMessage-ID: <1@shop.test>\r\n\r\nhello\r\n"


def as_described(method: str, path: str, response: httpx.Response) -> Any:
    """Return the JSON of a response, which must be what the OpenAPI document says of it."""
    for operation in OPERATIONS:
        known = re.sub(r"\\{\w+:path\\}", ".+", re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation.path)))
        if operation.method == method and re.fullmatch(known, path.partition("?")[0]):
            break
    else:
        return response.json()
    described = DOCUMENT["paths"][operation.path.replace(":path", "")][method.lower()]["responses"]
    content = described[str(response.status_code)].get("content")
    if content is None:
        assert response.content == b""
        return None
    schema = content[response.headers["content-type"].partition(";")[0]]["schema"]
    value = response.json()
    jsonschema.validate(value, {**schema, "components": DOCUMENT["components"]})
    return value


@dataclass
class Scene:
    """What a story needs."""

    server: FakeServer
    desk: Desk
    http: httpx.AsyncClient
    smtp: tuple[str, int]

    async def send(self, *rcpts: str, letter: str = LETTER) -> dict[str, tuple[int, str]]:
        """Send a message in a session of its own; returns who was refused."""
        async with aiosmtplib.SMTP(hostname=self.smtp[0], port=self.smtp[1]) as client:
            try:
                refused, _ = await client.sendmail("news@shop.test", rcpts, letter)
            except aiosmtplib.SMTPRecipientsRefused as error:
                return {one.recipient: (one.code, one.message) for one in error.recipients}
            except aiosmtplib.SMTPServerDisconnected:
                return {}
            except aiosmtplib.SMTPResponseException as error:
                return {"": (error.code, error.message)}
        return {rcpt: (reply.code, reply.message) for rcpt, reply in refused.items()}

    async def got(self, path: str, **query: Any) -> Any:
        """Return the JSON that a GET answers with."""
        return await self.asked("GET", path, params=query)

    async def asked(self, method: str, path: str, **more: Any) -> Any:
        """Return the JSON that a call answers with, which must be 2xx and as it is described."""
        response = await self.http.request(method, path, **more)
        assert response.is_success, response.text
        return as_described(method, path, response)

    async def refused(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Return the problem that a call answers with; its status is one that is described."""
        response = await self.http.request(method, path, **more)
        assert response.headers["content-type"] == "application/problem+json", response.text
        problem = as_described(method, path, response)
        assert problem["status"] == response.status_code
        return dict(problem)


def play(
    story: Callable[[Scene], Awaitable[T]],
    script: str = "",
    *,
    journal: Journal | None = None,
    pace: Pace | None = None,
    token: str | None = TOKEN,
    hosts: tuple[str, ...] = (),
) -> T:
    """Run a story against a server with this script and its HTTP interface."""

    async def run() -> T:
        clock, read = SystemClock(), read_script(script, "test.toml")
        server = FakeServer(read, clock=clock, journal=journal)
        desk = Desk(server, script=read, clock=clock, pace=pace)
        service = ControlService(desk, token=token, hosts=hosts)
        async with AsyncExitStack() as ends:
            smtp = await server.start()
            ends.push_async_callback(server.stop)
            host, port = await service.start()
            ends.push_async_callback(service.stop)
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            http = httpx.AsyncClient(base_url=f"http://{host}:{port}", headers=headers, timeout=PATIENCE)
            await ends.enter_async_context(http)
            return await story(Scene(server, desk, http, smtp))

    return asyncio.run(asyncio.wait_for(run(), PATIENCE))


@pytest.fixture
def scene() -> Callable[..., Any]:
    """Return what runs a story."""
    return play
