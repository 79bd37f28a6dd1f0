"""`maildrill send` as a process of its own, against the fake server on a real socket."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script
from maildrill.sender.attempt import State
from maildrill.sender.fold import fold
from maildrill.sender.ledger import read_ledger
from maildrill.sender.log_json import read_events

ALL = ("ann@one.example", "bob@one.example", "eve@two.example")
CAMPAIGN = """\
[campaign]
name = "spring"
from = "news@example.com"
subject = "Hello"

[account]
host = "127.0.0.1"
port = PORT

[list]
file = "list.csv"
email = "Email"

[message]
text = '''
Hello.
'''

[retry]
schedule = ["SCHEDULE"]
cap = "1h"

[limits]
connections = CONNECTIONS
"""


@dataclass
class Desk:
    """A folder with the campaign `spring.toml`, a server with `script`, and the sender to run between them."""

    folder: Path
    script: str = ""
    schedule: str = "1h"
    connections: int = 2
    server: FakeServer = field(init=False)
    port: int = field(init=False)

    async def open(self) -> None:
        """Start the server and write the campaign to send to it."""
        self.server = FakeServer(read_script(f"version = 1\n{self.script}", "test.toml"), clock=SystemClock())
        _, self.port = await self.server.start()
        self.write(self.port)

    def write(self, port: int) -> None:
        """Write the campaign, for the server on this port."""
        text = CAMPAIGN.replace("PORT", str(port)).replace("SCHEDULE", self.schedule)
        text = text.replace("CONNECTIONS", str(self.connections))
        (self.folder / "spring.toml").write_text(text)
        (self.folder / "list.csv").write_text("\n".join(("Email", *ALL, "nobody", ALL[0].upper())) + "\n")

    async def sender(self, *options: str) -> asyncio.subprocess.Process:
        """Start `maildrill send`."""
        code = "from maildrill.cli.main import main; main()"
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", code, "send", str(self.folder / "spring.toml"), "--json", *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def send(self, *options: str) -> Sent:
        """Run `maildrill send` to its end."""
        return await ended(await self.sender(*options))

    def states(self) -> dict[str, State]:
        """Return what the ledger says."""
        ledger = read_ledger(self.folder / "spring.ledger")
        found = {record.address: record.state for record in ledger.recipients()}
        ledger.close()
        return found

    def folded(self) -> dict[str, State]:
        """Return what the log says."""
        return fold(read_events(self.folder / "spring.events.jsonl"))

    def log(self) -> str:
        """Return connection.log."""
        return (self.folder / "spring.connection.log").read_text("utf-8")

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until the server's journal shows it."""
        while not happened():  # noqa: ASYNC110 - the journal has no bell
            await asyncio.sleep(0.01)


@dataclass(frozen=True)
class Sent:
    """How `maildrill send` ended."""

    code: int
    report: dict[str, Any]
    errors: str


async def ended(process: asyncio.subprocess.Process) -> Sent:
    """Wait for the sender's end."""
    output, errors = await process.communicate()
    return Sent(process.returncode or 0, json.loads(output) if output else {}, errors.decode())


def play(desk: Desk, story: Callable[[], Awaitable[None]]) -> None:
    """Run a story between an open server and the senders it starts; at most a minute."""

    async def whole() -> None:
        await desk.open()
        try:
            async with asyncio.timeout(60):
                await story()
        finally:
            await desk.server.stop()

    asyncio.run(whole())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk whose server says yes to everything."""
    return Desk(tmp_path)


def test_everybody_is_served_and_a_second_run_opens_no_connection(desk: Desk) -> None:
    """Status 0 both times; the second run finds nothing to do (I24)."""

    async def story() -> None:
        first = await desk.send()
        sessions = len(desk.server.journal.sessions)
        second = await desk.send()

        assert (first.code, first.report["delivered"], first.report["connections"]) == (0, 3, sessions), first.errors
        assert first.report["set_aside"] == {"invalid": 1, "duplicate": 1, "suppressed": 0}
        assert (second.code, second.report["delivered"], second.report["connections"]) == (0, 3, 0), second.errors
        assert len(desk.server.journal.sessions) == sessions

    play(desk, story)

    assert desk.states() == desk.folded() == dict.fromkeys(ALL, State.DELIVERED)
    assert [desk.server.journal.committed(recipient) for recipient in ALL] == [1, 1, 1]
    assert desk.log().count("status=sent (250 ") == 3


def test_a_refused_recipient_makes_the_run_end_with_1(desk: Desk) -> None:
    """Nobody is left to be tried, and somebody did not get it."""
    desk.script = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nreply = "550 5.1.1 who?"\n'

    async def story() -> None:
        sent = await desk.send()

        assert (sent.code, sent.report["delivered"], sent.report["failed"]) == (1, 2, 1), sent.errors

    play(desk, story)

    assert desk.states() == desk.folded()
    assert "dsn=5.1.1, status=bounced (host 127.0.0.1 said: 550 5.1.1 who? (in reply to RCPT TO command))" in desk.log()


def test_a_deferred_recipient_is_waited_for(desk: Desk) -> None:
    """The run does not end before everybody is settled."""
    desk.script = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nkey = "rcpt"\nattempt = "1"\nreply = "450 4.2.0 later"\n'
    desk.schedule = "500ms"

    async def story() -> None:
        sent = await desk.send()

        assert (sent.code, sent.report["delivered"], sent.report["attempts"]) == (0, 3, 4), sent.errors
        assert sent.report["real_seconds"] >= 0.5

    play(desk, story)

    assert "status=deferred (host 127.0.0.1 said: 450 4.2.0 later (in reply to RCPT TO command))" in desk.log()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_it_waits_it_says_that_mail_remains(number: signal.Signals, desk: Desk) -> None:
    """Status 75, at once, with a report; the next run goes on where this one stopped."""
    desk.script = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nreply = "450 4.2.0 later"\n'

    async def story() -> None:
        journal = desk.server.journal
        sender = await desk.sender()
        await desk.until(lambda: sum(map(journal.acknowledged, ALL)) == 2 and bool(journal.asked(ALL[1])))
        sender.send_signal(number)
        sent = await ended(sender)

        assert (sent.code, sent.report["delivered"]) == (75, 2), sent.errors
        assert sent.report["deferred"] + sent.report["pending"] == 1

    play(desk, story)

    assert desk.states() == desk.folded()


def test_a_message_that_has_left_is_waited_for_however_often_one_asks(desk: Desk) -> None:
    """Ctrl-C twice between the final dot and its reply: the reply is read, nobody is left Unknown."""
    desk.script = '[[rule]]\nat = "dot"\nwait = "2s"\n'

    async def story() -> None:
        sender = await desk.sender()
        await desk.until(lambda: len(desk.server.journal.messages) >= 1)
        sender.send_signal(signal.SIGINT)
        await asyncio.sleep(0.3)
        sender.send_signal(signal.SIGINT)
        sent = await ended(sender)

        assert (sent.code, sent.report["unknown"]) == (75, 0), sent.errors
        assert sent.report["delivered"] >= 1
        assert "waiting for the reply to a message that has left" in sent.errors

    play(desk, story)

    assert desk.states() == desk.folded()


def test_killed_after_the_dot_it_leaves_unknown_what_nobody_can_know(desk: Desk) -> None:
    """Killed with -9 between dot and reply: the next run sends to everybody else and never twice (I38)."""
    desk.script = '[[rule]]\nat = "dot"\nrcpt = "ann@*"\ntimes = 1\nwait = "30s"\n'
    desk.connections = 1

    async def story() -> None:
        journal = desk.server.journal
        sender = await desk.sender()
        await desk.until(lambda: any(ALL[0] in message.recipients for message in journal.messages))
        sender.kill()
        await sender.wait()
        sent = await desk.send()

        assert (sent.code, sent.report["unknown"], sent.report["delivered"]) == (1, 1, 2), sent.errors
        assert [journal.committed(recipient) for recipient in ALL[1:]] == [1, 1]

    play(desk, story)

    assert desk.states() == desk.folded()


def test_a_host_that_cannot_be_reached_is_named_and_nobody_is_burnt(desk: Desk) -> None:
    """The trouble is on stderr at once; stopped, everybody is still to be sent to."""

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        desk.write(port)
        sender = await desk.sender()
        assert sender.stderr is not None
        shown = ""
        while "connect to" not in shown:
            shown += (await sender.stderr.readline()).decode()
        sender.send_signal(signal.SIGINT)
        sent = await ended(sender)

        assert f"connect to 127.0.0.1:{port}: " in shown
        assert "refused" in shown.lower()
        assert (sent.code, sent.report["attempts"]) == (75, 0), sent.errors
        assert sent.report["pending"] == 3

    play(desk, story)

    assert desk.states() == desk.folded()


def test_the_ledger_of_another_campaign_is_refused(desk: Desk) -> None:
    """Status 78, and what to do; nothing is sent."""

    async def story() -> None:
        await desk.send()
        sessions = len(desk.server.journal.sessions)
        campaign = desk.folder / "spring.toml"
        campaign.write_text(campaign.read_text().replace('name = "spring"', 'name = "autumn"'))
        sent = await desk.send()

        assert (sent.code, sent.report) == (78, {})
        assert 'this is the ledger of the campaign "spring", not of "autumn"' in sent.errors
        assert "--ledger" in sent.errors
        assert len(desk.server.journal.sessions) == sessions

    play(desk, story)


def test_one_sender_at_a_time(desk: Desk) -> None:
    """A second sender on the same ledger ends with 78 and touches nothing (I41)."""
    desk.script = '[[rule]]\nat = "dot"\nwait = "2s"\n'

    async def story() -> None:
        sender = await desk.sender()
        await desk.until(lambda: len(desk.server.journal.messages) >= 1)
        second = await desk.send()
        first = await ended(sender)

        assert (second.code, "in use by another maildrill" in second.errors) == (78, True), second.errors
        assert first.code == 0, first.errors

    play(desk, story)


def test_ledger_and_logs_go_where_they_are_told(desk: Desk) -> None:
    """--ledger and --log-dir name them; nothing else is written."""

    async def story() -> None:
        place = desk.folder / "elsewhere"
        place.mkdir()
        sent = await desk.send("--ledger", str(place / "a.db"), "--log-dir", str(place / "logs"))

        assert sent.code == 0, sent.errors
        assert sorted(path.name for path in (place / "logs").iterdir()) == ["a.connection.log", "a.events.jsonl"]
        assert (place / "a.db").is_file()

    play(desk, story)

    assert sorted(path.name for path in desk.folder.iterdir()) == ["elsewhere", "list.csv", "spring.toml"]


def test_status_and_log_can_be_asked_while_it_is_sent(desk: Desk) -> None:
    """From another process, without hindering the sender."""
    desk.script = '[[rule]]\nat = "dot"\nwait = "2s"\n'

    async def story() -> None:
        sender = await desk.sender()
        await desk.until(lambda: len(desk.server.journal.messages) >= 1)
        told = {}
        for words in (["status", "--json"], ["log", "--stage", "rcpt"], ["explain", "--json", ALL[0]]):
            command = [words[0], str(desk.folder / "spring.toml"), *words[1:]]
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "from maildrill.cli.main import main; main()", *command),
                stdout=asyncio.subprocess.PIPE,
            )
            told[words[0]] = (await process.communicate())[0].decode()
        status = json.loads(told["status"])
        first = await ended(sender)

        assert (status["sending"], status["recipients"], status["left"] > 0) == (True, 3, True)
        assert "RCPT TO:<" in told["log"]
        assert json.loads(told["explain"])["recipient"] == ALL[0]
        assert (first.code, first.report["delivered"]) == (0, 3), first.errors

    play(desk, story)


def _look(desk: Desk, *words: str) -> str:
    """Return what a command that only looks says of the campaign."""
    result = CliRunner().invoke(main, [words[0], str(desk.folder / "spring.toml"), *words[1:]], standalone_mode=False)
    assert result.return_value in (None, 0), result.stderr
    return result.stdout


def test_content_that_is_refused_pauses_the_campaign_until_it_is_resumed(desk: Desk) -> None:
    """Status 65 with the reply, escaped; nothing is begun without the word; everybody who looks is told."""
    desk.script = '[[rule]]\nat = "dot"\nattempt = "1-2"\nreply = "554 5.7.1 a listed link"\n'
    desk.connections = 1
    said: list[str] = []

    async def story() -> None:
        with (desk.folder / "spring.toml").open("a") as file:
            file.write("pause_after = 2\n")
        first = await desk.send()
        sessions = len(desk.server.journal.sessions)
        said.extend([_look(desk, "status"), _look(desk, "report"), _look(desk, "explain", ALL[2])])
        said.append(_look(desk, "report", "--format", "html"))
        again = await desk.send()

        assert (first.code, first.report["failed"], first.report["pending"]) == (65, 2, 1), first.errors
        assert (first.report["paused"]["recipients"], first.report["canary"]) == (2, None)
        assert (again.code, again.report, len(desk.server.journal.sessions)) == (65, {}, sessions)
        assert "554 5.7.1 a listed link" in again.errors
        assert "--resume" in again.errors

        resumed = await desk.send("--resume")

        assert (resumed.code, resumed.report["delivered"], resumed.report["paused"]) == (1, 1, None), resumed.errors

    play(desk, story)

    assert all("paused" in one.lower() and "554 5.7.1 a listed link" in one for one in said), said
    assert desk.states() == desk.folded()
    assert "paused since" in desk.log()
    assert "goes on after a pause" in desk.log()
    assert "paused" not in _look(desk, "status").lower()


def test_a_canary_is_waited_for_and_everybody_else_is_left(desk: Desk) -> None:
    """Status 0 is about the canary; the next run goes on with the rest, and with --then-go-on it is the same run."""

    async def story() -> None:
        canary = await desk.send("--canary", "1")

        assert (canary.code, canary.report["canary"]) == (0, {"delivered": 1}), canary.errors
        assert (canary.report["delivered"], canary.report["pending"]) == (1, 2)

        rest = await desk.send("--canary", "2", "--then-go-on")

        assert (rest.code, rest.report["canary"], rest.report["delivered"]) == (0, None, 3), rest.errors

    play(desk, story)

    assert desk.states() == desk.folded() == dict.fromkeys(ALL, State.DELIVERED)
    assert [desk.server.journal.committed(recipient) for recipient in ALL] == [1, 1, 1]


def test_then_go_on_needs_a_canary(desk: Desk) -> None:
    """Status 2, and what to say instead."""
    result = CliRunner().invoke(main, ["send", str(desk.folder / "spring.toml"), "--then-go-on"])

    assert (result.exit_code, "--canary N --then-go-on" in result.stderr) == (2, True)
