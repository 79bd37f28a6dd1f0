"""Postfix is killed, or what it says is lost: who is unknown, what it has, and how that is settled."""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Start = Callable[..., Any]
LIMIT = 30.0  # seconds
REPORTS = '[dsn]\nnotify = ["success", "failure"]\nret = "hdrs"'


def test_a_server_that_is_killed_loses_nobody(postfix: Any, sending: Start) -> None:
    """Unknown is who was at the dot, and nobody else; Postfix had not taken them, and an operator can say so."""
    guests = [f"guest-killed-{n}@good.test" for n in range(12)]
    campaign = sending(postfix.ports["waiting"], guests, lifetime="1m", limits="connections = 3")
    rules = postfix.policy

    sender = campaign.start()
    with rules.came:
        assert rules.came.wait_for(lambda: len(rules.waiting) == 3, LIMIT)
    sender.send_signal(signal.SIGINT)
    postfix.kill()
    cut = campaign.end(sender)
    in_doubt = {guest for guest, state in cut.states.items() if state == "unknown"}
    postfix.start()
    rules.open.set()
    after = campaign.send()

    assert (cut.status, cut.counts) == (75, {"unknown": 3, "pending": 9}), cut.printed
    assert in_doubt == set(rules.waiting[:3])
    assert after.counts == {"unknown": 3, "delivered": 9}, after.printed
    assert postfix.taken("guest-killed-") == after.delivered
    for guest in in_doubt:
        campaign.run("settle", str(campaign.folder / "campaign.toml"), guest, "--retry")
    assert campaign.send().counts == {"delivered": 12}
    assert postfix.taken("guest-killed-") == Counter(guests)


def test_a_report_settles_who_was_unknown(postfix: Any, sending: Start) -> None:
    """The reply to the dot is lost on the way, though Postfix took the message: its report says so."""
    guest = "guest-lost@good.test"
    with deaf(postfix.ports["plain"]) as port:
        campaign = sending(port, [guest], more=REPORTS)
        told = campaign.send()
    arrived = postfix.taken(guest)
    postfix.messages("news", "news")

    assert (told.states, told.rows) == ({guest: "unknown"}, {"dot-lost"}), told.printed
    assert arrived == {guest: 1}
    assert campaign.settled(postfix.mail / "news") == {guest: "delivered"}
    assert campaign.send().states == {guest: "delivered"}
    assert postfix.taken(guest) == {guest: 1}


def test_reports_are_read_back(postfix: Any, sending: Start) -> None:
    """One arrives, and one is taken and refused further on: so say Postfix' reports, and so says the ledger."""
    guests = ["guest-reported@good.test", "bob@bounced.test"]
    campaign = sending(postfix.ports["plain"], guests, more=REPORTS)

    told = campaign.send()
    reports = [message for message in postfix.messages("news", "news") if "guest-reported" in str(message)]

    assert told.delivered == Counter(guests), told.printed
    assert len(reports) == 1
    assert campaign.settled(postfix.mail / "news") == {guests[0]: "delivered", guests[1]: "failed"}
    assert re.findall(r"ENVID=(\S+)", campaign.dialogue())[0] in str(reports[0])


def test_reports_come_also_where_none_can_be_asked_for(postfix: Any, sending: Start) -> None:
    """DSN is not offered: nothing is asked for, and the report of the failure comes all the same."""
    guests = ["guest-silent@good.test", "eve@bounced.test"]
    campaign = sending(postfix.ports["no-dsn"], guests, more=REPORTS)

    told = campaign.send()
    reports = postfix.messages("news", "news")

    assert told.delivered == Counter(guests), told.printed
    assert "NOTIFY" not in campaign.dialogue()
    assert [message for message in reports if "guest-silent" in str(message)] == []
    assert campaign.settled(postfix.mail / "news") == {guests[0]: "delivered", guests[1]: "failed"}


@contextmanager
def deaf(port: int) -> Iterator[int]:
    """Listen before a server: whoever comes by here hears everything but the reply to the dot."""

    def pump(here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while octets := here.recv(4096):
                if b"queued as" in octets:
                    break
                there.sendall(octets)
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = door.accept()
                server = socket.create_connection(("127.0.0.1", port))
                sockets.extend((client, server))
                for pair in ((client, server), (server, client)):
                    pumps.append(threading.Thread(target=pump, args=pair))
                    pumps[-1].start()

    sockets: list[socket.socket] = []
    pumps: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as door:
        listener = threading.Thread(target=serve)
        listener.start()
        yield door.getsockname()[1]
        door.shutdown(socket.SHUT_RDWR)
        for thread in (listener, *pumps):
            thread.join(LIMIT)
        for each in sockets:
            each.close()
