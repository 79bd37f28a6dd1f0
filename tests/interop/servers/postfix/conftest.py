"""A private Postfix that takes mail: ports that differ in what they offer and refuse, Maildirs, and a log."""

from __future__ import annotations

import grp
import os
import pwd
import re
import signal
import socketserver
import stat
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest

LIMIT = 30.0  # seconds until its queue must be empty
#: In good.test whoever is called guest-something has a mailbox; bounced.test is taken, and then refused further on.
MAIN = """
myhostname = mx.good.test
mynetworks =
smtputf8_enable = yes
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
relay_domains = bounced.test
transport_maps = inline:{{ {{ bounced.test = smtp:[127.0.0.1]:{refusing} }} }}
virtual_mailbox_domains = good.test, shop.test
virtual_mailbox_maps = regexp:{folder}/mailboxes
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_chain_files = {folder}/chain.pem
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_sasl_local_domain = mx.good.test
cyrus_sasl_config_path = {folder}/sasl
"""
MAILBOXES = """
/^guest.*@good\\.test$/ guests/
/^news@shop\\.test$/ news/
"""
MASTER = """
virtual unix - n n - - virtual
"""
#: For each port, what its smtpd does otherwise.
PORTS: dict[str, list[str]] = {
    "plain": [],
    "lockstep": ["smtpd_discard_ehlo_keywords=pipelining,chunking"],
    "tls": ["smtpd_tls_security_level=encrypt"],
    "auth": [
        "smtpd_tls_security_level=may",
        "smtpd_tls_auth_only=yes",
        "smtpd_sasl_auth_enable=yes",
        "smtpd_recipient_restrictions=permit_sasl_authenticated,reject",
    ],
    "few": ["smtpd_recipient_limit=5", "smtpd_recipient_overshoot_limit=100"],
    "small": ["message_size_limit=20000"],
    "small-unsaid": ["message_size_limit=20000", "smtpd_discard_ehlo_keywords=size"],
    "ascii": ["smtpd_discard_ehlo_keywords=smtputf8"],
    "seven-bit": ["smtpd_discard_ehlo_keywords=8bitmime"],
    "no-dsn": ["smtpd_discard_ehlo_keywords=dsn"],
    "refusing": ["smtpd_recipient_restrictions=check_recipient_access,inline:{{bounced.test=REJECT}}"],
    "grey": ["smtpd_recipient_restrictions=check_policy_service,inet:127.0.0.1:{policy}"],
    "waiting": ["smtpd_end_of_data_restrictions=check_policy_service,inet:127.0.0.1:{policy}"],
}
_ENDED = re.compile(r": disconnect from \S+( .*)")


class Policy(socketserver.ThreadingTCPServer):
    """What Postfix asks before RCPT and after the dot. grey: whom it has put off; waiting: whose dot is unanswered.

    A recipient is put off once. No dot is answered while `held` is set.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.port = int(self.server_address[1])
        self.grey: list[str] = []
        self.waiting: list[str] = []
        self.open = threading.Event()
        self.came = threading.Condition()

    def rule(self, asked: dict[str, str]) -> str:
        """Return what Postfix is to do."""
        recipient = asked["recipient"]
        if asked["protocol_state"] == "RCPT":
            if recipient in self.grey:
                return "DUNNO"
            self.grey.append(recipient)
            return "450 4.2.0 Greylisted, come again"
        with self.came:
            self.waiting.append(recipient)
            self.came.notify_all()
        self.open.wait(LIMIT)
        return "DUNNO"


class _Asked(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        asked: dict[str, str] = {}
        for line in self.rfile:
            name, _, value = line.decode().strip().partition("=")
            if name:
                asked[name] = value
                continue
            answer = cast(Policy, self.server).rule(asked)
            try:
                self.wfile.write(f"action={answer}\n\n".encode())
            except OSError:  # it was killed meanwhile
                return


class Server:
    """The running Postfix."""

    def __init__(self, private: Any, ports: dict[str, int], policy: Policy, main: str, master: str) -> None:
        self._private = private
        self._settings = (main, master)
        self.ports = ports
        self.policy = policy
        self.mail: Path = private.folder / "mail"
        self._since = 0

    def start(self) -> None:
        """Start it."""
        self._private.start(*self._settings)

    def kill(self) -> None:
        """Kill all of its processes at once, as when the machine goes down."""
        os.killpg(int((self._private.folder / "queue" / "pid" / "master.pid").read_text()), signal.SIGKILL)

    def forget(self) -> None:
        """Look at what is logged from now on only."""
        self._since = len(self._private.log())
        self.policy.waiting.clear()

    def log(self) -> str:
        """Return what it has logged, once all sessions have ended."""
        text: str = self._private.log()[self._since :]
        end = time.monotonic() + LIMIT
        while text.count(": connect from") > text.count(": disconnect from"):
            assert time.monotonic() < end, text
            time.sleep(0.02)
            text = self._private.log()[self._since :]
        return text

    def said(self, verb: str) -> list[int]:
        """Return how often a command was accepted, and how often it was refused."""
        counts = re.findall(rf" {verb}=(\d+)(?:/(\d+))?", "\n".join(_ENDED.findall(self.log())))
        accepted = sum(int(count) for count, _ in counts)
        return [accepted, sum(int(of or count) for count, of in counts) - accepted]

    def messages(self, box: str, part: str) -> list[EmailMessage]:
        """Return the messages in a mailbox whose recipient has this in the address, once nothing is on its way."""
        end = time.monotonic() + LIMIT
        while any(self._busy(name) for name in ("incoming", "active", "deferred")):
            assert time.monotonic() < end, self.log()[-3000:]
            time.sleep(0.05)
        files = sorted((self.mail / box / "new").glob("*"))
        found = [message_from_bytes(file.read_bytes(), policy=policy.default.clone(utf8=True)) for file in files]
        return [message for message in found if part in str(message["Delivered-To"])]

    def taken(self, part: str) -> Counter[str]:
        """Return how many messages each guest has."""
        return Counter(str(message["Delivered-To"]) for message in self.messages("guests", part))

    def _busy(self, name: str) -> bool:
        """Whether whole messages are in a queue: what a kill left unfinished stays there, and is not executable."""
        for path in (self._private.folder / "queue" / name).rglob("*"):
            with suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mode & stat.S_IXUSR:
                    return True
        return False


@pytest.fixture
def postfix(running_postfix: Server) -> Server:
    """Return the Postfix, as if nothing had been logged yet."""
    running_postfix.forget()
    return running_postfix


@pytest.fixture(scope="session")
def running_postfix(
    new_postfix: Callable[[], Any],
    free_port: Callable[[], int],
    certificate: Any,
    unpacked: Callable[[str], Path],
    secret: str,
) -> Iterator[Server]:
    """Start a Postfix for all tests of this process."""
    with ExitStack() as running:
        private = running.enter_context(new_postfix())
        rules = running.enter_context(Policy())
        threading.Thread(target=rules.serve_forever, daemon=True).start()
        running.callback(rules.shutdown)
        folder = private.folder
        ports = {name: free_port() for name in PORTS}
        nobody = pwd.getpwnam("nobody")
        (folder / "mailboxes").write_text(MAILBOXES)
        (folder / "chain.pem").write_bytes(certificate.key.read_bytes() + certificate.chain.read_bytes())
        (folder / "mail").mkdir()
        os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)
        words = {"folder": folder, "policy": rules.port, "refusing": ports["refusing"]}
        master = [
            f"127.0.0.1:{ports[name]} inet n - n - - smtpd" + "".join(f" -o {option}" for option in options)
            for name, options in PORTS.items()
        ]
        server = Server(
            private,
            ports,
            rules,
            MAIN.format(uid=nobody.pw_uid, gid=nobody.pw_gid, **words),
            "\n".join(master).format(**words) + MASTER,
        )
        _users(folder, unpacked, secret)
        server.start()
        yield server


def _users(folder: Path, unpacked: Callable[[str], Path], secret: str) -> None:
    """Let Cyrus SASL know a user: ann."""
    (folder / "sasl").mkdir()
    words = ["pwcheck_method: auxprop", "auxprop_plugin: sasldb", f"sasldb_path: {folder}/users"]
    mechanisms = "mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256"
    (folder / "sasl" / "smtpd.conf").write_text("\n".join([*words, mechanisms, ""]))
    subprocess.run(  # noqa: S603 - Debian's
        [
            unpacked("sasl2-bin") / "usr/sbin/saslpasswd2",
            "-p",
            "-c",
            "-f",
            folder / "users",
            "-u",
            "mx.good.test",
            "ann",
        ],
        input=secret.encode(),
        check=True,
    )
    os.chown(folder / "users", pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postfix").gr_gid)
