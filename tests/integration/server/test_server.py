"""Listening in several places, playing another script, beginning anew, and leaving nothing behind."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import ConfigurationError

BUSY = '[[rule]]\nname = "busy"\nat = "noop"\nattempt = "1-2"\nreply = "450 4.3.2 busy {n}"'
OTHER = BUSY + '\n[[rule]]\nname = "no"\nat = "rset"\nreply = "451 4.3.0 no"'


def script(text: str) -> Script:
    return read_script(text, "test.toml")


async def line(reader: asyncio.StreamReader) -> str:
    return (await reader.readline()).decode().rstrip("\r\n")


def test_one_server_listens_in_several_places(ground: Any) -> None:
    """They share the script, the journal and the end."""

    async def story(scene: Any) -> Any:
        host = scene.address[0]
        second = await scene.server.start(host)
        heard = []
        for address in (scene.address, second):
            scene.address = address
            client = await scene.greeted()
            heard.append(await client.ask("NOOP"))
        await scene.server.stop()
        return heard, len(scene.journal.sessions), scene.address != second, second[1] > 0

    assert ground.play(BUSY, story) == (["450 4.3.2 busy 1", "450 4.3.2 busy 2"], 2, False, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_versions_of_ip(tcp: Any, host: str) -> None:
    """The client is called by its address."""

    async def story(scene: Any) -> Any:
        try:
            scene.address = await scene.server.start(host)
        except ConfigurationError:  # pragma: no cover - a machine without IPv6
            pytest.skip("this machine has no IPv6")
        return await (await scene.greeted()).ask("NOOP"), scene.journal.sessions[0].client

    assert tcp.play("", story) == ("250 2.0.0 ok", host)


def test_a_unix_socket_is_listened_to_and_removed(tcp: Any, tmp_path: Path) -> None:
    """Also in the place of one that was left behind; its clients have no address."""
    path = tmp_path / "smtp.sock"

    async def story(scene: Any) -> Any:
        left = FakeServer(Script(), clock=scene.clock)
        await left.start_unix(path)
        os.link(path, tmp_path / "left")
        await left.stop()
        (tmp_path / "left").rename(path)
        await scene.server.start_unix(path)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"NOOP\r\n")
        heard = await line(reader), await line(reader)
        writer.transport.abort()
        await scene.server.stop()
        return heard, scene.journal.sessions[0].client, path.exists()

    assert tcp.play("", story) == (("220 mx.test ESMTP maildrill", "250 ok"), "local", False)


def test_where_a_socket_cannot_be_is_said(tcp: Any, tmp_path: Path) -> None:
    """With the path, and what would do."""

    async def story(scene: Any) -> str:
        with pytest.raises(ConfigurationError) as error:
            await scene.server.start_unix(tmp_path / "none" / "smtp.sock")
        with pytest.raises(ConfigurationError):
            await scene.server.start_unix(tmp_path / ("x" * 200))
        with pytest.raises(ConfigurationError):
            await scene.server.start(*scene.address)
        return str(error.value)

    assert "none/smtp.sock: cannot listen: No such file or directory" in tcp.play("", story)


def test_another_script_is_played_at_once(ground: Any) -> None:
    """Sessions stay open; what is new answers, and what did not change goes on counting."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        before = await client.ask("NOOP"), await client.ask("RSET")
        scene.server.load(script(OTHER))
        after = [await client.ask("NOOP"), await client.ask("RSET"), await client.ask("NOOP")]
        scene.server.load(script(BUSY.replace("1-2", "1-9")))
        return before, after, await client.ask("NOOP"), await client.ask("RSET")

    assert ground.play(BUSY, story) == (
        ("450 4.3.2 busy 1", "250 2.0.0 ok"),
        ["450 4.3.2 busy 2", "451 4.3.0 no", "250 2.0.0 ok"],
        "450 4.3.2 busy 1",
        "250 2.0.0 ok",
    )


def test_silence_is_measured_as_the_script_of_the_moment_says(ground: Any) -> None:
    """Also in a session that began before it; from the next reply on."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        scene.server.load(script('[[rule]]\nat = "idle"\nage = ">=50ms"\nreply = "421 4.4.2 bye"'))
        return await client.ask("NOOP"), await client.rest()

    assert ground.play("", story) == ("250 2.0.0 ok", ("421 4.4.2 bye\r\n", "fin"))


def test_a_decider_may_be_loaded_too(memory: Any, decides: Any) -> None:
    """Anything that decides, with no settings of its own."""
    told = decides()

    async def story(scene: Any) -> Any:
        scene.server.load(told)
        await scene.greeted()
        scene.server.load(script(BUSY))
        await scene.server.reset(told)
        await scene.server.reset()
        return scene.server.engine is told

    assert memory.play('[server]\nhostname = "other.test"', story)
    assert len(told.events) > 0


def test_a_reset_forgets_everything(ground: Any) -> None:
    """Sessions end, the journal is empty, and nothing has been counted."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("NOOP")
        await scene.server.reset()
        ended = await client.rest()
        empty = scene.journal.entries, scene.journal.sessions
        again = await scene.greeted()
        counted = await again.ask("NOOP")
        await scene.server.reset(script(""))
        other = await scene.greeted()
        return ended[0], empty, counted, await other.ask("NOOP"), scene.journal.sessions[0].number

    assert ground.play(BUSY, story) == ("", ([], []), "450 4.3.2 busy 1", "250 2.0.0 ok", 1)


def test_what_the_server_is_told_counts_before_what_the_script_says(memory: Any) -> None:
    """In the script that it begins with and in those that come."""

    async def story(scene: Any) -> Any:
        first = await (await scene.call()).hear()
        scene.server.load(script('[server]\nhostname = "other.test"\nseed = 5\ncaps = "-SIZE"'))
        client = await scene.call()
        return first, await client.hear(), "SIZE" in await client.ask("EHLO me"), scene.server.settings.seed

    heard = memory.play('[server]\nhostname = "script.test"', story, settings=Settings(hostname="told.test"))

    assert heard == ("220 told.test ESMTP maildrill", "220 told.test ESMTP maildrill", False, 5)
