"""What is left for the search for rings of objects: nothing of a message."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.session.faults import reset_connection
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp.collecting import collecting_nothing, collecting_seldom

if TYPE_CHECKING:
    from tests.integration.server.conftest import Client, Ground, Scene

TWENTY = Path(__file__).parents[3] / "benchmarks" / "twenty.toml"
PLAIN = ("MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>", "DATA")


async def send(client: Client, commands: tuple[str, ...], times: int) -> None:
    """Send the same message so many times."""
    for _ in range(times):
        for command in commands:
            await client.ask(command)
        await client.ask("Message-ID: <1@shop.test>\r\n\r\nhello\r\n.")


@pytest.mark.parametrize(
    "commands",
    [PLAIN, (*PLAIN[:1], "RCPT TO:<nobody@x.test>", *PLAIN[1:]), ("MAIL FROM:<news@shop.test> SIZE=9", *PLAIN[1:])],
)
def test_messages_are_let_go_without_a_search(tcp: Ground, commands: tuple[str, ...]) -> None:
    """However they are answered; a journal that is full lets go of one for each that comes."""

    async def story(scene: Scene) -> tuple[int, int]:
        client = await scene.greeted()
        await send(client, commands, 20)
        gc.collect()
        gc.disable()
        try:
            await send(client, commands, 50)
            return gc.collect(), scene.journal.messages_received
        finally:
            gc.enable()

    script = read_script(TWENTY.read_text(encoding="utf-8"), "twenty.toml")

    assert tcp.play(script, story, journal=Journal(keep=10)) == (0, 70)


@pytest.mark.parametrize("frozen", [False, True])
def test_afterwards_searches_are_as_they_were(frozen: bool) -> None:
    """Whoever runs a server in a process of theirs finds it unchanged, also what they have frozen."""
    (gc.freeze if frozen else gc.unfreeze)()
    try:
        before = gc.get_threshold(), bool(gc.get_freeze_count())
        with collecting_seldom():
            within = gc.get_threshold(), gc.get_freeze_count()

        assert within[0][0] > before[0][0]
        assert within[1] > 0
        assert (gc.get_threshold(), bool(gc.get_freeze_count())) == before == (before[0], frozen)
    finally:
        gc.unfreeze()


def test_a_client_that_resets_leaves_no_error_that_nobody_asked_for(tcp: Ground) -> None:
    """Asyncio would print it, "Future exception was never retrieved", whenever the search comes round."""

    async def story(scene: Scene) -> int:
        for _ in range(3):
            client = await scene.greeted()
            reset_connection(client.writer.transport)
        await scene.journal.wait_for_event(closed="client", count=3)
        return sum(
            isinstance(one, asyncio.Future) and getattr(one, "_log_traceback", False) for one in gc.get_objects()
        )

    assert tcp.play(read_script(TWENTY.read_text(encoding="utf-8"), "twenty.toml"), story) == 0


@pytest.mark.parametrize("looking", [False, True])
def test_nothing_is_looked_for_meanwhile(looking: bool) -> None:
    """And afterwards it is as it was."""
    (gc.enable if looking else gc.disable)()
    try:
        with collecting_nothing():
            assert not gc.isenabled()
        assert gc.isenabled() is looking
    finally:
        gc.enable()
