"""Dovecot's submission service: it logs people in, and hands on to smtp-sink, which writes down what it got."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

MAIL, LOGIN, NOBODY = 811, 812, 65534
CONFIGURATION = """
protocols = submission
listen = 127.0.0.1
log_path = /log
hostname = mx.good.test
auth_verbose = yes
auth_failure_delay = 0
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
ssl = required
ssl_cert = </etc/chain.pem
ssl_key = </etc/key.pem
mail_location = maildir:/mail/%u
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
passdb {{
  driver = passwd-file
  args = /etc/dovecot/users
}}
userdb {{
  driver = static
  args = uid={nobody} gid={nobody} home=/mail/%u
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
}}
"""


class Dovecot:
    """The running Dovecot."""

    def __init__(self, jail: Any, port: int) -> None:
        self._jail = jail
        self._since = len(self._all())
        self.port = port

    def kill(self) -> None:
        """Kill all of its processes at once."""
        self._jail.kill()

    def log(self) -> str:
        """Return what it has logged."""
        return self._all()[self._since :]

    def _all(self) -> str:
        log = self._jail.root / "log"
        return str(log.read_text(errors="replace")) if log.exists() else ""


@pytest.fixture(scope="session")
def jail(new_jail: Callable[..., Any], certificate: Any, secret: str) -> Iterator[Any]:
    """Unpack Dovecot for all tests of this process."""
    with new_jail("dovecot-submissiond", dovecot=MAIL, dovenull=LOGIN) as jail:
        jail.file("etc/chain.pem", certificate.chain.read_text())
        jail.file("etc/key.pem", certificate.key.read_text())
        jail.file("etc/dovecot/users", f"ann:{{PLAIN}}{secret}\n")
        jail.folder("var/lib/dovecot")
        jail.folder("mail", NOBODY)
        yield jail


@pytest.fixture
def dovecot(
    jail: Any, free_port: Callable[[], int], listening: Callable[[int], None]
) -> Iterator[Callable[[Any], Dovecot]]:
    """Return a function that starts it before a sink; it ends with the test."""

    def start(sink: Any) -> Dovecot:
        port = free_port()
        jail.file("etc/dovecot/dovecot.conf", CONFIGURATION.format(relay=sink.port, port=port, nobody=NOBODY))
        started = Dovecot(jail, port)
        jail.start("/usr/sbin/dovecot", "-F")
        listening(port)
        return started

    yield start
    jail.kill()
