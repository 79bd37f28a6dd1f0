"""Exim: ports that differ, Maildirs, and a log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

EXIM, NOBODY = 995, 65534
PORTS = ("plain", "auth", "small", "ascii", "waiting")
CONFIGURATION = """
exim_path = /usr/sbin/exim4
primary_hostname = mx.good.test
spool_directory = /spool
log_file_path = /spool/log/%slog
pid_file_path = /spool/exim.pid
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
recipients_max = 30
message_size_limit = ${{if ={{$received_port}}{{{small}}}{{20K}}{{50M}}}}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {ports}
tls_advertise_hosts = ${{if ={{$received_port}}{{{auth}}}{{*}}}}
tls_certificate = /etc/chain.pem
tls_privatekey = /etc/key.pem
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}}}
dsn_advertise_hosts = *
chunking_advertise_hosts = *
smtputf8_advertise_hosts = ${{if ={{$received_port}}{{{ascii}}}{{}}{{*}}}}
log_selector = +smtp_connection +received_recipients +received_sender +tls_cipher +smtp_mailauth
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  defer local_parts = later
        message = 450 4.2.1 come again
  deny !authenticated = *
       condition = ${{if ={{$received_port}}{{{auth}}}}}
       message = 530 5.7.0 who are you
  accept domains = good.test : bounced.test : shop.test
         verify = recipient
  deny message = 550 5.7.1 no relaying
data:
  warn condition = ${{if ={{$received_port}}{{{waiting}}}}}
       logwrite = waiting with $recipients
  accept delay = ${{if ={{$received_port}}{{{waiting}}}{{30s}}{{0s}}}}
begin routers
refused:
  driver = redirect
  domains = bounced.test
  allow_fail
  data = :fail: no mailbox here
  no_verify
verified:
  driver = accept
  domains = bounced.test
  transport = boxes
  verify_only
boxes:
  driver = accept
  domains = good.test : shop.test
  local_parts = ^guest : news
  transport = boxes
begin transports
boxes:
  driver = appendfile
  directory = /mail/${{if eq{{$local_part}}{{news}}{{news}}{{guests}}}}
  maildir_format
  envelope_to_add
  user = nobody
  group = nobody
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{ann}}}}{{eq{{$auth3}}{{{secret}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{ann}}}}{{eq{{$auth2}}{{{secret}}}}}}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{ann}}{{{secret}}}fail}}
  server_set_id = $auth1
"""


class Exim:
    """The running Exim."""

    def __init__(self, jail: Any, ports: dict[str, int], until: Callable[..., None]) -> None:
        self._jail = jail
        self.ports = ports
        self.mail: Path = jail.root / "mail"
        self._until = until
        self._since = 0

    def start(self) -> None:
        """Start it, and wait until it listens."""
        begun = self._all().count("daemon started")
        self._jail.start("/usr/sbin/exim4", "-bdf")
        self._until(lambda: self._all().count("daemon started") > begun, self._all)

    def kill(self) -> None:
        """Kill all of its processes at once."""
        self._jail.kill()

    def forget(self) -> None:
        """Look at what is logged from now on only."""
        self._since = len(self._all())

    def log(self) -> str:
        """Return what it has logged."""
        return self._all()[self._since :]

    def messages(self, box: str, part: str) -> list[EmailMessage]:
        """Return the messages in a mailbox whose recipient has this in the address, once nothing is on its way."""
        self._until(lambda: not list((self._jail.root / "spool/input").glob("*-H")), self._all)
        files = sorted((self.mail / box / "new").glob("*"))
        found = [message_from_bytes(file.read_bytes(), policy=policy.default.clone(utf8=True)) for file in files]
        return [message for message in found if part in str(message["Envelope-To"])]

    def taken(self, part: str) -> Counter[str]:
        """Return how many messages each guest has."""
        return Counter(
            address.strip()
            for message in self.messages("guests", part)
            for address in str(message["Envelope-To"]).split(",")
        )

    def _all(self) -> str:
        log = self._jail.root / "spool/log/mainlog"
        return str(log.read_text(errors="replace")) if log.exists() else ""


@pytest.fixture(scope="session")
def running_exim(
    new_jail: Callable[..., Any],
    free_port: Callable[[], int],
    certificate: Any,
    until: Callable[..., None],
    secret: str,
) -> Iterator[Exim]:
    """Start an Exim for all tests of this process."""
    with new_jail("exim4-daemon-heavy", **{"Debian-exim": EXIM}) as jail:
        ports = {name: free_port() for name in PORTS}
        words = {**{name: str(port) for name, port in ports.items()}, "secret": secret}
        text = CONFIGURATION.format(ports=" : ".join(map(str, ports.values())), **words)
        jail.file("etc/exim4/exim4.conf", text)
        jail.file("etc/chain.pem", certificate.chain.read_text())
        jail.file("etc/key.pem", certificate.key.read_text())
        jail.folder("spool", EXIM)
        jail.folder("mail", NOBODY)
        exim = Exim(jail, ports, until)
        exim.start()
        yield exim


@pytest.fixture
def exim(running_exim: Exim) -> Exim:
    """Return the Exim, as if nothing had been logged yet."""
    running_exim.forget()
    return running_exim
