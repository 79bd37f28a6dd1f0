"""Real servers: a campaign is sent to them by the installed `maildrill send`, and what they have is counted."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from maildrill.cli.main import main

LIMIT = 60  # seconds for anything that should take one or two
SECRET = "correct horse"  # noqa: S105 - of a server that lives as long as a test
_RECIPIENT = re.compile(r"^X-Rcpt-Args: <([^>]*)>", re.MULTILINE)
CAMPAIGN = """
account = "main"
[campaign]
name = "{name}"
from = "news@shop.test"
subject = "Hello"
mode = "{mode}"
[list]
file = "guests.csv"
email = "Email"
[message]
text = "letter.txt"
{message}
[retry]
schedule = ["{wait}"]
lifetime = "{lifetime}"
[limits]
{limits}
{more}
"""


class Try(NamedTuple):
    """One try of a recipient: where it was decided, by what reply, and the row of the table."""

    stage: str
    code: int | None
    words: str
    row: str


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a campaign, by its ledger. status: of the command."""

    status: int
    printed: str
    states: dict[str, str]
    tries: dict[str, list[Try]]

    @property
    def counts(self) -> Counter[str]:
        """How many recipients are in each state."""
        return Counter(self.states.values())

    @property
    def delivered(self) -> Counter[str]:
        """Whoever has the message, once each."""
        return Counter(address for address, state in self.states.items() if state == "delivered")

    @property
    def rows(self) -> set[str]:
        """The rows of the table that decided."""
        return {each.row for tries in self.tries.values() for each in tries}


class Sending:
    """A campaign in a folder, and `maildrill send` for it."""

    def __init__(self, folder: Path, start: Callable[..., subprocess.Popen[str]], secret: str) -> None:
        self.folder = folder
        self._start = start
        self.secret = secret

    def start(self) -> subprocess.Popen[str]:
        """Begin to send, in a process of its own: it can be stopped or killed."""
        return self._start("send", str(self.folder / "campaign.toml"), environment={"SMTP_PASSWORD": self.secret})

    def end(self, process: subprocess.Popen[str]) -> Told:
        """Wait until it has ended."""
        output, errors = process.communicate(timeout=LIMIT)
        return self._told(process.returncode, output + errors)

    def send(self) -> Told:
        """Send, and wait; in this process, which costs a third."""
        done = self.run("send", str(self.folder / "campaign.toml"))
        return self._told(done.exit_code, done.output)

    def run(self, *words: str) -> Result:
        """Run a command."""
        return CliRunner().invoke(main, words, env={"SMTP_PASSWORD": self.secret}, catch_exceptions=False)

    def settled(self, reports: Path) -> dict[str, str]:
        """Read the reports in a Maildir; return where everybody stands then."""
        done = self.run("bounces", str(reports), "--campaign", str(self.folder / "campaign.toml"), "--json")
        return self._told(done.exit_code, done.output).states

    def dialogue(self) -> str:
        """Return what was said, for people."""
        return (self.folder / "campaign.connection.log").read_text(encoding="utf-8")

    def _told(self, status: int, printed: str) -> Told:
        tries: defaultdict[str, list[Try]] = defaultdict(list)
        ledger = self.folder / "campaign.ledger"
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as book:
            states = dict(book.execute("SELECT address, state FROM recipient"))
            for address, *what in book.execute(
                "SELECT address, stage, code, lines, rule FROM attempt JOIN recipient ON recipient.id = recipient"
                " ORDER BY attempt.id"
            ):
                tries[address].append(Try(*what))
        return Told(status, printed, states, dict(tries))


@pytest.fixture
def sending(tmp_path: Path, command: Callable[..., subprocess.Popen[str]]) -> Callable[..., Sending]:
    """Return a function that writes a campaign to a port of this machine and its accounts file.

    account: more lines of the account; message, limits: more lines of those tables; more: further tables.
    """

    def write(
        port: int,
        guests: Iterable[str],
        *,
        folder: str = "campaign",
        account: str = 'tls = "none"',
        secret: str = SECRET,
        mode: str = "merge",
        letter: str = "Hello.\n.\n..two dots\n",
        message: str = "",
        wait: str = "300ms",
        lifetime: str = "0s",
        limits: str = "",
        more: str = "",
    ) -> Sending:
        place = tmp_path / folder
        place.mkdir()
        (place / "guests.csv").write_text("Email\n" + "".join(f"{guest}\n" for guest in guests), encoding="utf-8")
        (place / "letter.txt").write_text(letter, encoding="utf-8")
        (place / "campaign.toml").write_text(
            CAMPAIGN.format(
                name=f"{tmp_path.name}-{folder}",
                mode=mode,
                message=message,
                wait=wait,
                lifetime=lifetime,
                limits=limits,
                more=more,
            )
        )
        accounts = place / "accounts.toml"
        accounts.write_text(f'[account.main]\nhost = "127.0.0.1"\nport = {port}\n{account}\n')
        accounts.chmod(0o600)
        return Sending(place, command, secret)

    return write


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of `localhost` with its key, the authority that vouches for it, and one that does not."""

    chain: Path
    key: Path
    authority: Path
    stranger: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return the files of a certificate that a real server shows."""
    folder = tmp_path_factory.mktemp("certificate")
    made = Certificate(*(folder / f"{name}.pem" for name in ("chain", "key", "authority", "stranger")))
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    stranger = ec.generate_private_key(ec.SECP256R1())
    made.authority.write_bytes(_certified("Authority", authority, "Authority", authority))
    made.stranger.write_bytes(_certified("Stranger", stranger, "Stranger", stranger))
    made.chain.write_bytes(_certified("localhost", key, "Authority", authority))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    made.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return made


def _certified(name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a certificate, PEM: of an authority where it vouches for itself, else of a server."""
    authority = name == issuer
    usage = dict.fromkeys(
        """digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign
        encipher_only decipher_only""".split(),  # noqa: SIM905 - so many words
        False,
    )
    usage |= {"key_cert_sign": True, "crl_sign": True} if authority else {"digital_signature": True}
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def secret() -> str:
    """Return the password that servers know."""
    return SECRET


class Sink:
    """A running smtp-sink, which writes down each message whose final dot it heard, taken or not."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port

    def texts(self) -> list[str]:
        """Return the messages, each below its envelope."""
        return [file.read_text(encoding="utf-8") for file in self._folder.iterdir()]

    def heard(self) -> Counter[str]:
        """Return for each recipient how many messages were there to the last octet."""
        return Counter(address for text in self.texts() for address in _RECIPIENT.findall(text))


@pytest.fixture
def sink(
    program: Callable[[str], str], free_port: Callable[[], int], listening: Callable[[int], None]
) -> Iterator[Callable[..., Sink]]:
    """Return a function that starts smtp-sink with these options; it ends with the test."""
    where = program("smtp-sink")
    # It does not run as root.
    identity: dict[str, Any] = {} if os.geteuid() else {"user": "nobody", "group": "nogroup", "extra_groups": []}
    with ExitStack() as running:

        def start(*options: str) -> Sink:
            folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="sink-")))
            folder.chmod(0o777)
            port = free_port()
            command = [where, *options, "-d", f"{folder}/", f"127.0.0.1:{port}", "100"]
            process = running.enter_context(subprocess.Popen(command, cwd="/", **identity))  # noqa: S603 - Postfix' own
            running.callback(process.kill)
            listening(port)
            return Sink(folder, port)

        yield start


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Return a function that waits until something holds; else it says what there is instead."""

    def wait(holds: Callable[[], bool], otherwise: Callable[[], str]) -> None:
        end = time.monotonic() + LIMIT
        while not holds():
            assert time.monotonic() < end, otherwise()
            time.sleep(0.03)

    return wait
