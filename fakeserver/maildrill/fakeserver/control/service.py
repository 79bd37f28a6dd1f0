"""Serve the HTTP interface on the server's own loop: by uvicorn's protocol, without its signals, ticks and logs.

Rule: `stop` leaves nothing behind: whoever waits is told so, and what is still written is cut.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection
from typing import Any

from maildrill.fakeserver.control.desk import Desk
from maildrill.smtp import ConfigurationError

#: Seconds that a connection may stay idle between two requests.
_IDLE = 60
#: A clock that is steered would cut connections at each jump: there they may stay.
_FOR_EVER = 10**9
_MOST = 200  # connections at the same time
_LINGER = 1.0  # seconds that answers may still be written when the server stops


class ControlService:
    """The HTTP interface of one desk. token: None asks for none. hosts: names under which it may be called."""

    def __init__(self, desk: Desk, *, token: str | None, hosts: Collection[str] = ()) -> None:
        self._desk = desk
        self._token = token
        self._hosts = hosts
        self._listener: asyncio.Server | None = None
        self._state: Any = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Listen; returns the host and the port. Raises ConfigurationError where that cannot be."""
        # Only who listens needs them: they take a fifth of a second to import.
        from uvicorn.config import Config  # noqa: PLC0415
        from uvicorn.server import ServerState  # noqa: PLC0415

        from maildrill.fakeserver.control.app import application  # noqa: PLC0415

        config = Config(
            application(self._desk, token=self._token, hosts={host, *self._hosts}),
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            limit_concurrency=_MOST,
            timeout_keep_alive=_IDLE if self._desk.pace is None else _FOR_EVER,
        )
        config.load()
        state = self._state = ServerState()

        def protocol() -> asyncio.Protocol:
            return config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]

        try:
            self._listener = await asyncio.get_running_loop().create_server(protocol, host, port)
        except OSError as error:
            number = error.errno or 0
            raise ConfigurationError(
                f"cannot listen: {os.strerror(number) if number > 0 else error.strerror or error}",
                where=f"{host}:{port}",
                expected="an address of this machine, and a free port that you may use",
                hint="port 0 takes a free one",
            ) from None
        return host, self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end all connections; returns when nothing runs any more."""
        self._desk.close()
        if self._listener is None:
            return
        self._listener.close()
        for connection in [*self._state.connections]:
            connection.shutdown()
        tasks = [*self._state.tasks]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._desk.pass_in(_LINGER))
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        for connection in [*self._state.connections]:
            connection.transport.abort()
        await self._listener.wait_closed()
        self._listener = None
