"""nodemailer's smtp-server: what it took is what the ledger says; it prints each thing that happens as JSON."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

VERSION = "3.21.6"
SCRIPT = Path(__file__).with_name("server.mjs")
LIMIT = 30.0  # seconds
Start = Callable[..., Any]


class Server:
    """The running server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.told: list[dict[str, Any]] = []
        self._reader = Thread(target=self._read)
        self._reader.start()

    def what(self, word: str) -> list[Any]:
        """Return what was told by this word."""
        return [each[word] for each in list(self.told) if word in each]

    def taken(self) -> Counter[str]:
        """Return how many messages each recipient has."""
        return Counter(address for addresses in self.what("taken") for address in addresses)

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self._reader.join(LIMIT)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(json.loads(line))


@pytest.fixture
def server(
    npm_package: Callable[[str, str], tuple[Path, Path]], certificate: Any, secret: str, until: Start
) -> Iterator[Start]:
    """Return a function that starts smtp-server with these options; it ends with the test."""
    node, folder = npm_package("smtp-server", VERSION)
    tls = {"cert": certificate.chain.read_text(), "key": certificate.key.read_text()}
    with ExitStack() as running:

        def start(**options: Any) -> Server:
            settings = {"authOptional": True, **tls, "secret": secret, **options}
            process = running.enter_context(
                subprocess.Popen([node, SCRIPT, folder, json.dumps(settings)], stdout=subprocess.PIPE, text=True)  # noqa: S603 - npm's
            )
            started = Server(process)
            running.callback(started.kill)
            until(lambda: started.what("port"), lambda: "it does not start")
            return started

        yield start


@pytest.mark.parametrize("hide", [[], ["hidePIPELINING", "hide8BITMIME"]], ids=["pipelined", "in-lockstep"])
def test_everybody_gets_one_message(hide: list[str], server: Start, sending: Start) -> None:
    """In TLS; the letter is as it was written."""
    there = server(**dict.fromkeys(hide, True))
    guests = [f"guest{n}@x.test" for n in range(60)]

    told = sending(there.what("port")[0], guests, account='tls = "opportunistic"').send()

    assert (told.status, told.counts) == (0, {"delivered": 60}), told.printed
    assert there.taken() == Counter(guests) == told.delivered
    assert there.what("secure") == [True] * 60
    assert all("\r\n\r\nHello.\r\n.\r\n..two dots\r\n" in text for text in there.what("text"))


def test_a_batch_is_one_message_to_many(server: Start, sending: Start) -> None:
    """Whoever is refused is refused alone; who is greylisted comes again."""
    there = server()
    guests = [*(f"guest{n}@x.test" for n in range(20)), "gone@x.test", "grey@x.test"]

    told = sending(there.what("port")[0], guests, mode="batch", lifetime="10s").send()

    assert told.counts == {"delivered": 21, "failed": 1}, told.printed
    assert there.taken() == told.delivered
    assert sorted(map(len, there.what("taken"))) == [1, 20]
    assert there.what("deferred") == ["grey@x.test"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"])
def test_the_right_secret_opens_and_a_wrong_one_burns_nobody(
    mechanism: str, server: Start, sending: Start, certificate: Any, secret: str
) -> None:
    """It is said once, however many sessions there may be; with the right one the campaign goes to everybody."""
    secret = secret.replace(" ", "-")  # a token has no blanks
    there = server(authOptional=False, authMethods=[mechanism], secret=secret)
    kind = "token" if mechanism == "XOAUTH2" else "password"
    account = f'tls = "required"\nca_file = "{certificate.authority}"\nuser = "ann"\n{kind} = "env:SMTP_PASSWORD"'
    guests = [f"guest{n}@x.test" for n in range(5)]
    way = {"account": account, "limits": "connections = 5"}
    campaign = sending(there.what("port")[0], guests, secret=secret[::-1], **way)

    refused = campaign.send()
    asked, taken = there.what("right"), there.taken()
    campaign.secret = secret
    told = campaign.send()

    assert (refused.status, refused.counts, refused.rows) == (77, {"held": 5}, {"auth-5yz"}), refused.printed
    assert (asked, taken) == ([False], {})
    assert there.taken() == Counter(guests) == told.delivered, told.printed
    assert set(there.what("auth")) == {mechanism}


def test_too_many_sessions_cost_nobody_a_try(server: Start, sending: Start) -> None:
    """421 to whoever is one too many: everybody is served by fewer sessions."""
    there = server(maxClients=2)
    guests = [f"guest{n}@x.test" for n in range(20)]

    told = sending(there.what("port")[0], guests, lifetime="1m", limits="connections = 6").send()

    assert there.taken() == Counter(guests) == told.delivered, told.printed
    assert told.rows == {"banner-4yz", "dot-2yz"}


@pytest.mark.parametrize(("hide", "row"), [(False, "local-size"), (True, "dot-5yz")])
def test_too_large_is_too_large(hide: bool, row: str, server: Start, sending: Start) -> None:
    """A size that is known is not tried; one that is not is refused behind the dot."""
    there = server(size=20000, hideSize=hide)

    told = sending(there.what("port")[0], ["ann@x.test"], letter=f"{'x' * 70}\n" * 400).send()

    assert (told.counts, told.rows) == ({"failed": 1}, {row}), told.tries
    assert not there.taken()


@pytest.mark.parametrize(("hide", "row"), [([], "dot-2yz"), (["hideSMTPUTF8"], "local-smtputf8")])
def test_international_addresses_need_the_server(hide: list[str], row: str, server: Start, sending: Start) -> None:
    """With SMTPUTF8 it arrives as it is; without nothing is tried, and the other one goes."""
    there = server(**dict.fromkeys(hide, True))
    guests = ["żółw@x.test", "zolw@x.test"]

    told = sending(there.what("port")[0], guests).send()

    assert [told.tries[guest][0].row for guest in guests] == [row, "dot-2yz"]
    assert there.taken() == told.delivered == Counter(guests[bool(hide) :])


def test_a_server_that_is_killed_at_the_dot_leaves_unknowns(server: Start, sending: Start, until: Start) -> None:
    """It has the message and says nothing: unknown is who was at the dot, and nobody else."""
    there = server(hold=True)
    guests = [f"guest{n}@x.test" for n in range(8)]
    campaign = sending(there.what("port")[0], guests, lifetime="1m", limits="connections = 3")

    sender = campaign.start()
    until(lambda: len(there.what("held")) == 3, lambda: str(there.told))
    sender.send_signal(signal.SIGINT)
    there.kill()
    told = campaign.end(sender)

    assert (told.status, told.counts) == (75, {"unknown": 3, "pending": 5}), told.printed
    assert {guest for guest, state in told.states.items() if state == "unknown"} == {
        guest for guests in there.what("held") for guest in guests
    }
