"""OpenSMTPD: ports that differ, Maildirs, and what it prints."""

from __future__ import annotations

import os
import shutil
import smtplib
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

DAEMON, QUEUE, NOBODY = 801, 802, 65534
CONFIGURATION = """
pki here cert "/etc/chain.pem"
pki here key "/etc/key.pem"
table refused {{ "gone@good.test", "eve@good.test" }}
smtp max-message-size "20K"
smtp limit max-rcpt 8
smtp limit max-mails 10
listen on 127.0.0.1 port {plain} hostname mx.good.test
listen on 127.0.0.1 port {secure} hostname mx.good.test tls pki here
action boxes maildir "/mail/guests" virtual {{ "@good.test" = nobody }}
action news maildir "/mail/news" virtual {{ "@shop.test" = nobody }}
listen on 127.0.0.1 port {refusing} hostname mx.bounced.test tag beyond
action beyond relay host smtp://127.0.0.1:{refusing}
match tag beyond from any for any reject
match from any for any rcpt-to <refused> reject
match from any for domain good.test action boxes
match from any for domain shop.test action news
match from any for domain bounced.test action beyond
"""


class Smtpd:
    """The running OpenSMTPD."""

    def __init__(self, jail: Any, ports: dict[str, int], until: Callable[..., None]) -> None:
        self._jail = jail
        self._until = until
        self.ports = ports
        self.mail: Path = jail.root / "mail"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        begun = self._jail.output().count("smtp: listen on 127.0.0.1")
        self._jail.start("/usr/sbin/smtpd", "-d", "-v")
        self._until(
            lambda: self._jail.output().count("smtp: listen on 127.0.0.1") >= begun + 3, lambda: self.log()[-2000:]
        )

    def kill(self) -> None:
        """Kill all of its processes at once."""
        self._jail.kill()

    def log(self) -> str:
        """Return what it has logged."""
        return str(self._jail.output())

    def handshakes(self) -> bool:
        """Whether its TLS works: 6.8 finds no private key with OpenSSL 3."""
        with smtplib.SMTP("127.0.0.1", self.ports["secure"], timeout=10) as client:
            try:
                client.starttls(context=ssl.create_default_context(cafile=self._jail.root / "etc/authority.pem"))
            except (OSError, smtplib.SMTPException):
                return False
            return True

    def messages(self, box: str, part: str) -> list[EmailMessage]:
        """Return the messages in a mailbox whose recipient has this in the address, once nothing is on its way."""
        queue = self._jail.root / "var/spool/smtpd/queue"
        # Path.rglob ends with an error where a folder goes away under it; os.walk knows that its files went, too.
        self._until(lambda: not any(files for _, _, files in os.walk(queue)), lambda: self.log()[-2000:])
        files = sorted((self.mail / box / "new").glob("*"))
        found = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return [message for message in found if part in str(message["Delivered-To"])]

    def taken(self, part: str) -> Counter[str]:
        """Return how many messages each guest has."""
        return Counter(str(message["Delivered-To"]) for message in self.messages("guests", part))


@pytest.fixture(scope="session")
def opensmtpd(
    new_jail: Callable[..., Any],
    free_port: Callable[[], int],
    certificate: Any,
    until: Callable[..., None],
) -> Iterator[Smtpd]:
    """Start an OpenSMTPD for all tests of this process."""
    with new_jail("opensmtpd", opensmtpd=DAEMON, opensmtpq=QUEUE) as jail:
        ports = {name: free_port() for name in ("plain", "secure", "refusing")}
        jail.file("etc/smtpd.conf", CONFIGURATION.format(**ports))
        jail.file("etc/chain.pem", certificate.chain.read_text())
        jail.file("etc/key.pem", certificate.key.read_text())
        (jail.root / "etc/key.pem").chmod(0o600)
        jail.file("etc/authority.pem", certificate.authority.read_text())
        jail.folder("var/lib/opensmtpd/empty")
        jail.folder("var/spool")
        jail.folder("mail", NOBODY)
        jail.folder("bin")
        shutil.copy("/bin/sh", jail.root / "bin/sh")  # begins what delivers
        smtpd = Smtpd(jail, ports, until)
        smtpd.start()
        yield smtpd
