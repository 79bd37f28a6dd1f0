"""The in-memory connection behaves as a TCP connection: each dialogue is held on both grounds, with one expectation."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.world.conftest import Ground, Recorder
else:
    Ground = Recorder = Any

MUCH = b"0123456789abcdef" * 1_000_000  # 16 MB: more than the buffers of any kernel


def test_close_sends_what_is_written_and_then_an_end(ground: Ground) -> None:
    """A server that writes and closes at once is heard to the last octet."""

    async def main() -> tuple[list[object], list[object]]:
        server, client = await ground.pair()
        server.transport.write(b"221 bye\r\n")
        server.transport.close()
        await client.until("lost")
        await server.until("lost")
        return server.heard, client.heard

    heard = ground.hold(main)

    assert heard == (["made", "lost"], ["made", b"221 bye\r\n", "end", "lost"])


def test_half_close_leaves_the_other_direction_open(ground: Ground, recorder: type[Recorder]) -> None:
    """After write_eof the other side can still answer."""

    async def main() -> tuple[list[object], list[object]]:
        server, client = await ground.pair(recorder(keeps_open=True))
        client.transport.write(b"QUIT\r\n")
        client.transport.write_eof()
        await server.until("end")
        server.transport.write(b"221 bye\r\n")
        await client.until(b"bye\r\n")
        server.transport.close()
        await client.until("lost")
        await server.until("lost")
        return server.heard, client.heard

    heard = ground.hold(main)

    assert heard == (["made", b"QUIT\r\n", "end", "lost"], ["made", b"221 bye\r\n", "end", "lost"])


def test_reset_lands_behind_what_was_written(ground: Ground) -> None:
    """A reply cut in the middle by an RST is heard up to the cut, then the connection is reset."""

    async def main() -> tuple[list[object], list[object]]:
        server, client = await ground.pair()
        server.transport.write(b"250-half a re")
        server.reset()
        await client.until("lost")
        await server.until("lost")
        return server.heard, client.heard

    heard = ground.hold(main)

    assert heard == (["made", "lost"], ["made", b"250-half a re", "lost ConnectionResetError"])


def test_abort_without_linger_is_an_end_not_a_reset(ground: Ground) -> None:
    """Aborting drops what waits, but a TCP socket closed without SO_LINGER still sends FIN."""

    async def main() -> list[object]:
        server, client = await ground.pair()
        server.transport.write(b"220 hi\r\n")
        server.transport.abort()
        await client.until("lost")
        return client.heard

    heard = ground.hold(main)

    assert heard == ["made", b"220 hi\r\n", "end", "lost"]


def test_close_with_octets_unread_is_a_reset(ground: Ground) -> None:
    """Linux answers a close over unread octets with an RST (RFC 2525 section 2.17)."""

    async def main() -> list[object]:
        server, client = await ground.pair()
        server.transport.pause_reading()
        server.transport.write(b"ready")
        await client.until(b"ready")
        client.transport.write(b"NOOP\r\n")
        client.transport.write_eof()
        server.transport.write(b"go on")
        await client.until(b"go on")
        server.transport.close()
        await client.until("lost")
        return client.heard

    heard = ground.hold(main)

    assert heard == ["made", b"readygo on", "lost ConnectionResetError"]


def test_octets_for_a_closed_socket_come_back_as_a_broken_pipe(ground: Ground, recorder: type[Recorder]) -> None:
    """After the far end has closed, a first write is answered with an RST and a later one fails."""

    async def main() -> list[object]:
        server, client = await ground.pair(client=recorder(keeps_open=True))
        server.transport.close()
        await client.until("end")
        await server.until("lost")
        while not client.transport.is_closing():
            client.transport.write(b"NOOP\r\n")
            await asyncio.sleep(0.01)
        await client.until("lost")
        return client.heard

    heard = ground.hold(main)

    assert heard == ["made", "end", "lost BrokenPipeError"]


def test_write_after_an_unread_reset_loses_the_connection(ground: Ground) -> None:
    """A paused reader learns of an RST when it writes; what it had not read is gone."""

    async def main() -> list[object]:
        server, client = await ground.pair()
        client.transport.pause_reading()
        server.transport.write(b"220 hi\r\n")
        server.reset()
        await server.until("lost")
        while not client.transport.is_closing():
            client.transport.write(b"NOOP\r\n")
            await asyncio.sleep(0.01)
        await client.until("lost")
        return client.heard

    heard = ground.hold(main)

    assert heard == ["made", "lost ConnectionResetError"]


def test_paused_reader_finds_octets_then_the_reset(ground: Ground) -> None:
    """What landed before an RST can still be read after it."""

    async def main() -> list[object]:
        server, client = await ground.pair()
        client.transport.pause_reading()
        server.transport.write(b"220 hi\r\n")
        server.reset()
        await server.until("lost")
        await asyncio.sleep(0.05)
        assert client.heard == ["made"]
        client.transport.resume_reading()
        await client.until("lost")
        return client.heard

    heard = ground.hold(main)

    assert heard == ["made", b"220 hi\r\n", "lost ConnectionResetError"]


def test_reader_wakes_between_octets_and_the_end_behind_them(ground: Ground) -> None:
    """A task woken by octets runs before it could notice the end that landed with them."""

    async def main() -> list[bool]:
        seen: list[bool] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n")
            seen.append(reader._eof)  # type: ignore[attr-defined] # at_eof() also waits for the buffer to drain
            await reader.read()
            seen.append(reader._eof)  # type: ignore[attr-defined]
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"QUIT\r\n")
        writer.write_eof()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        return seen

    seen = ground.hold(main)

    assert seen == [False, True]


def test_writer_is_paused_when_nobody_reads_and_resumed_later(ground: Ground) -> None:
    """Past the high-water mark the protocol pauses; when the far end reads it goes on, and nothing is lost."""

    async def main() -> tuple[list[object], int]:
        server, client = await ground.pair()
        server.transport.pause_reading()
        client.transport.write(MUCH)
        waiting = client.transport.get_write_buffer_size()
        client.transport.write_eof()
        server.transport.resume_reading()
        await server.until("end")
        await client.until("lost")
        assert server.heard[1] == MUCH
        return client.heard, waiting

    heard, waiting = ground.hold(main)

    assert heard == ["made", "paused", "resumed", "end", "lost"]
    assert 0 < waiting < len(MUCH)


def test_close_waits_for_what_has_no_room_yet(ground: Ground) -> None:
    """Octets written before close arrive, however long the far end takes; so do later ones while it waits."""

    async def main() -> tuple[object, object]:
        server, client = await ground.pair()
        server.transport.pause_reading()
        client.transport.write(MUCH)
        client.transport.close()
        client.transport.write(b"late")
        server.transport.resume_reading()
        await server.until("lost")
        await client.until("lost")
        return server.heard[1] == MUCH + b"late", client.heard[-1]

    complete, last = ground.hold(main)

    assert complete
    assert last == "lost"


def test_abort_drops_what_has_no_room_yet(ground: Ground) -> None:
    """Aborting does not wait: the far end reads what was under way and no more."""

    async def main() -> tuple[int, object]:
        server, client = await ground.pair()
        server.transport.pause_reading()
        client.transport.write(MUCH)
        client.transport.abort()
        await client.until("lost")
        server.transport.resume_reading()
        await server.until("lost")
        received = server.heard[1]
        assert isinstance(received, bytes)
        return len(received), server.heard[-2:]

    received, last = ground.hold(main)

    assert 0 < received < len(MUCH)
    assert last == ["end", "lost"]


def test_reset_breaks_a_writer_that_waits_for_room(ground: Ground) -> None:
    """A sender in the middle of a big message learns of the RST at once."""

    async def main() -> list[object]:
        server, client = await ground.pair()
        server.transport.pause_reading()
        client.transport.write(MUCH)
        server.reset()
        await client.until("lost")
        return client.heard

    heard = ground.hold(main)

    assert heard == ["made", "paused", "lost ConnectionResetError"]


def test_both_sides_may_close_at_once(ground: Ground) -> None:
    """Crossing ends close both sides cleanly."""

    async def main() -> tuple[list[object], list[object]]:
        server, client = await ground.pair()
        server.transport.close()
        client.transport.close()
        await server.until("lost")
        await client.until("lost")
        return server.heard, client.heard

    heard = ground.hold(main)

    assert heard == (["made", "lost"], ["made", "lost"])


def test_write_after_write_eof_is_a_mistake(ground: Ground) -> None:
    """Writing after write_eof raises; after close it is ignored; text is refused; write_eof twice is once."""

    async def main() -> list[str]:
        _, client = await ground.pair()
        client.transport.write_eof()
        client.transport.write_eof()
        mistakes = []
        for octets in (b"late", "text"):
            try:
                client.transport.write(octets)  # type: ignore[arg-type]
            except (RuntimeError, TypeError) as error:
                mistakes.append(type(error).__name__)
        client.transport.close()
        client.transport.close()
        await client.until("lost")
        return mistakes

    mistakes = ground.hold(main)

    assert mistakes == ["RuntimeError", "TypeError"]


@pytest.mark.parametrize(
    ("high", "low", "limits"),
    [(None, None, (16384, 65536)), (None, 10, (10, 40)), (40, None, (10, 40)), (7, 5, (5, 7)), (0, 0, (0, 0))],
)
def test_write_buffer_limits_are_asyncios(ground: Ground, high: int | None, low: int | None, limits: object) -> None:
    """The marks and their defaults are those of a selector transport."""

    async def main() -> object:
        server, client = await ground.pair()
        client.transport.set_write_buffer_limits(high, low)
        answer = client.transport.get_write_buffer_limits()
        client.transport.close()
        await server.until("lost")
        return answer

    answer = ground.hold(main)

    assert answer == limits


def test_write_buffer_limits_must_be_in_order(ground: Ground) -> None:
    """A low-water mark above the high one is a mistake."""

    async def main() -> None:
        server, client = await ground.pair()
        try:
            client.transport.set_write_buffer_limits(high=1, low=2)
        finally:
            client.transport.close()
            await server.until("lost")

    with pytest.raises(ValueError, match="must be >= low"):
        ground.hold(main)


def test_transport_says_what_it_is(ground: Ground, recorder: type[Recorder]) -> None:
    """Names, protocol and states are those of a TCP transport."""

    async def main() -> list[object]:
        server, client = await ground.pair()
        one, other = client.transport, server.transport
        facts: list[object] = [
            one.get_extra_info("peername") == other.get_extra_info("sockname"),
            one.get_extra_info("sockname") == other.get_extra_info("peername"),
            one.get_extra_info("socket").getpeername() == one.get_extra_info("peername"),
            one.get_extra_info("socket").getsockname() == one.get_extra_info("sockname"),
            one.get_extra_info("nothing", "default"),
            one.can_write_eof(),
            one.get_protocol() is client,
            one.is_closing(),
            one.is_reading(),
        ]
        second = recorder()
        one.set_protocol(second)
        one.pause_reading()
        facts.append(one.is_reading())
        one.resume_reading()
        one.close()
        await second.until("lost")
        await server.until("lost")
        return [*facts, one.is_closing(), one.is_reading(), client.heard]

    facts = ground.hold(main)

    assert facts == [True, True, True, True, "default", True, True, False, True, False, True, False, ["made"]]


def test_exception_in_a_protocol_ends_its_connection(ground: Ground, recorder: type[Recorder]) -> None:
    """What a protocol raises goes to the loop's exception handler and to connection_lost; the far end sees an end."""

    class Broken(recorder):  # type: ignore[misc, valid-type]
        def data_received(self, data: bytes) -> None:
            raise LookupError(data)

    async def main() -> tuple[list[object], list[object], list[object]]:
        reported: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context.get("exception")))
        server, client = await ground.pair(Broken())
        client.transport.write(b"NOOP\r\n")
        await server.until("lost")
        await client.until("lost")
        return server.heard, client.heard, [type(error) for error in reported]

    heard = ground.hold(main)

    assert heard == (["made", "lost LookupError"], ["made", "end", "lost"], [LookupError])


def test_buffered_protocol_is_given_its_octets(ground: Ground) -> None:
    """A BufferedProtocol reads into its own buffer, however small."""

    class Small(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.buffer = bytearray(5)
            self.read = b""
            self.ended = asyncio.Event()

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            self.read += self.buffer[:nbytes]

        def eof_received(self) -> None:
            self.ended.set()

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        small = Small()
        server = await loop.create_server(lambda: small, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.writelines([b"EHLO ", b"me.example", b"\r\n"])
        writer.close()
        await small.ended.wait()
        await writer.wait_closed()
        server.close()
        return small.read

    read = ground.hold(main)

    assert read == b"EHLO me.example\r\n"


def test_nobody_listens_where_nobody_listens(ground: Ground) -> None:
    """A port without a listener, or whose listener has closed, refuses the connection."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)

    with pytest.raises(ConnectionRefusedError):
        ground.hold(main)


def test_port_in_use_is_refused(ground: Ground) -> None:
    """Two servers cannot listen at one address."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with await loop.create_server(asyncio.Protocol, "127.0.0.1", 0) as server:
            await loop.create_server(asyncio.Protocol, "127.0.0.1", server.sockets[0].getsockname()[1])

    with pytest.raises(OSError, match="address already in use") as caught:
        ground.hold(main)

    assert caught.value.errno == errno.EADDRINUSE


def test_lost_connection_takes_no_more(ground: Ground) -> None:
    """After connection_lost a write is ignored, and closing again does nothing."""

    async def main() -> list[object]:
        server, client = await ground.pair()
        client.transport.close()
        await client.until("lost")
        client.transport.write(b"NOOP\r\n")
        client.transport.close()
        client.transport.abort()
        client.transport.set_write_buffer_limits(high=1)
        await server.until("lost")
        return server.heard

    heard = ground.hold(main)

    assert heard == ["made", "end", "lost"]


def test_operating_system_error_in_a_protocol_is_not_news(ground: Ground, recorder: type[Recorder]) -> None:
    """An OSError out of data_received ends the connection without a word to the exception handler."""

    class Broken(recorder):  # type: ignore[misc, valid-type]
        def data_received(self, data: bytes) -> None:
            raise TimeoutError

    async def main() -> tuple[list[object], list[object]]:
        reported: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        server, client = await ground.pair(Broken())
        client.transport.write(b"NOOP\r\n")
        await server.until("lost")
        await client.until("lost")
        return server.heard, reported

    heard = ground.hold(main)

    assert heard == (["made", "lost TimeoutError"], [])


def test_reader_that_changes_its_mind_hears_nothing(ground: Ground) -> None:
    """Resumed and paused again before the loop turned, it is not given what waits."""

    async def main() -> list[object]:
        server, client = await ground.pair()
        client.transport.pause_reading()
        server.transport.write(b"220 hi\r\n")
        await asyncio.sleep(0.05)
        client.transport.resume_reading()
        client.transport.pause_reading()
        await asyncio.sleep(0.05)
        before = list(client.heard)
        client.transport.resume_reading()
        await client.until(b"hi\r\n")
        client.transport.close()
        await server.until("lost")
        return before

    before = ground.hold(main)

    assert before == ["made"]
