from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.account_file import accounts_path, exposed, read_accounts
from maildrill.sender.account_words import described, summary
from maildrill.sender.campaign import Account
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.credentials import PASSWORDS, Credentials, Mechanism
from maildrill.sender.secret import Secret
from maildrill.sender.secret_sources import secret_of
from maildrill.sender.security import Pin, Proof, Security, Tlsa, TlsMode
from maildrill.smtp import ConfigurationError

PASSWORD = "tr0ub4dor&3"  # noqa: S105 - nobody's
PIN = "sha256:" + "ab" * 32
FULL = """
[account.main]
host = "smtp.example.com"
user = "ann"
password = "env:SMTP_PASSWORD"

[account.reserve]
host = "mail.example.net"
tls = "implicit"
user = "news"
token = "command:echo tok"
auth = "XOAUTH2"

[account.plain]
host = "localhost"
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an accounts file that only its owner may read."""

    def written(text: str) -> Path:
        path = tmp_path / "accounts.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return written


def said(path: Path) -> ConfigurationError:
    """Return what is said of a file that is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        read_accounts(path)
    return caught.value


def test_accounts_are_read_by_name(write: Write) -> None:
    """With the port and the TLS that fit."""
    accounts = read_accounts(write(FULL))
    main, reserve, plain = accounts.values()

    assert list(accounts) == ["main", "reserve", "plain"]
    assert (main.port, main.security.mode, main.auth and main.auth.mechanisms) == (587, TlsMode.REQUIRED, PASSWORDS)
    assert (reserve.port, reserve.security.mode) == (465, TlsMode.IMPLICIT)
    assert reserve.auth == Credentials(
        user="news", secret=Secret("command:echo …", str), mechanisms=(Mechanism.XOAUTH2,)
    )
    assert (plain.port, plain.security.mode, plain.auth) == (25, TlsMode.OPPORTUNISTIC, None)


def test_an_array_of_tables_is_the_same(write: Write) -> None:
    """`[[account]]` with a name."""
    accounts = read_accounts(write('[[account]]\nname = "a"\nhost = "h"\n[[account]]\nname = "b"\nhost = "i"\n'))

    assert [(name, account.host) for name, account in accounts.items()] == [("a", "h"), ("b", "i")]


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("", "there is no account in it", ""),
        ("[account.a]\nport = 1\n", '"host" is missing in [account.a]', ":1"),
        ('[account.a]\nhost = "h"\nuser = "u"\n', '"user" is there, and no secret', ":3"),
        ('[account.a]\nhost = "h"\nuser = "u"\npassword = "env:A"\ntoken = "env:B"\n', "a password and a token", ":5"),
        ('[account.a]\nhost = "h"\nuser = "u"\npassword = "env:A"\nauth = "XOAUTH2"\n', 'is called "XOAUTH2"', ":5"),
        ('[account.a]\nhost = "h"\nuser = "u"\npassword = "env:A"\nauth = []\n', "auth is empty", ":5"),
        ('[account.a]\nhost = "h"\nuser = ""\npassword = "env:A"\n', '"user" is ""', ":3"),
        ('[account.a]\nhost = "h"\npins = ["md5:1"]\ntls = "required"\n', '"md5:1" is no fingerprint', ":3"),
        (f'[account.a]\nhost = "h"\npins = ["{PIN}"]\n', 'pins has no place where tls is "opportunistic"', ":3"),
        ('[account.a]\nhost = "h"\nca_file = "accounts.toml"\ntls = "required"\n', "holds no certificate", ":3"),
        ('[account.a]\nhost = "h"\ntls = "none"\nuser = "u"\npassword = "env:A"\n', "a secret to be said", ":3"),
        ('[account.a]\nhost = "h"\ntls = "requird"\n', 'tls is "requird"', ":3"),
        ('[account.a]\nhost = "h:25"\n', 'host is "h:25"', ":2"),
        ('[account.a]\nhost = "h"\nport = 70000\n', "port is 70000", ":3"),
        ('[[account]]\nname = "a"\nhost = "h"\n[[account]]\nname = "a"\nhost = "h"\n', 'is called "a"', ":4"),
    ],
)
def test_a_mistake_is_located(write: Write, text: str, what: str, line: str) -> None:
    """With file and line."""
    path = write(text)
    error = said(path)

    assert what in error.what
    assert error.where == f"{path}{line}"


@pytest.mark.parametrize(
    "written", [f'"{PASSWORD}"', f'"env {PASSWORD}"', f'["{PASSWORD}"]', f'{{ a = "{PASSWORD}" }}']
)
@pytest.mark.parametrize("key", ["password", "token"])
def test_a_secret_in_the_file_is_refused_and_not_shown(write: Write, key: str, written: str) -> None:
    """Whatever it looks like."""
    error = said(write(f'[account.a]\nhost = "h"\nuser = "u"\n{key} = {written}\n'))

    assert "does not say where the secret comes from" in error.what
    assert PASSWORD not in str(error)
    assert error.where.endswith(":4")


def source(text: str, base: Path) -> Secret:
    return secret_of(text, where="accounts.toml:4", base=base)


def test_secrets_come_from_where_they_are_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment, a file, a command in the folder of the file."""
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    (tmp_path / "pw").write_text(PASSWORD + "\n", encoding="utf-8")

    assert [source(text, tmp_path).reveal() for text in ("env:SMTP_PASSWORD", "file:pw", "command:cat pw")] == [
        PASSWORD
    ] * 3


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("env:NO_SUCH_VARIABLE", "environment variable NO_SUCH_VARIABLE is not set"),
        ("file:none", "not found"),
        ("file:.", "cannot read secret file"),
        ("file:empty", "is empty"),
        ("file:binary", "is not UTF-8"),
        ("command:echo leak >&2; echo leak; exit 1", "ended with exit status 1"),
        ("command:true", "is empty"),
        ("command:printf '\\377'", "gave no secret"),
    ],
)
def test_a_secret_that_is_not_there_is_told(tmp_path: Path, text: str, what: str) -> None:
    """With file, line and what to do, and nothing of what a command wrote."""
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigurationError) as caught:
        source(text, tmp_path).reveal()

    assert what in caught.value.what
    assert caught.value.where == "accounts.toml:4"
    assert caught.value.hint
    assert "leak" not in str(caught.value)


def test_a_secret_is_fetched_once_and_renewed_on_demand() -> None:
    """None where nothing has changed, or nothing can."""
    values = iter(["one", "one", "two"])
    secret = Secret("command:x …", lambda: next(values), renewable=True)

    assert [secret.reveal(), secret.reveal()] == ["one", "one"]
    assert [secret.renew(), secret.renew(), secret.reveal()] == [None, "two", "two"]
    assert Secret("env:X", lambda: "x").renew() is None


@given(value=st.text(min_size=8, alphabet=st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_secret_shows_itself_nowhere(value: str) -> None:
    """Not in repr, str, format, errors, tracebacks, logs, or an account's description (invariant I36)."""
    marked = f"\u2622{value}\u2622"  # so that it is found in no innocent text
    secret = Secret("env:X", lambda: marked)
    secret.reveal()
    auth = Credentials(user="ann", secret=secret)
    trace = "".join(traceback.format_exception(ValueError(auth)))
    logged = logging.LogRecord("x", 10, "x", 1, "%s %r", (secret, auth), None).getMessage()
    shown = "".join([repr(secret), str(secret), f"{secret}", repr(auth), trace, logged, str(hash(secret))])

    assert marked not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_what_is_described_has_the_source_alone(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """For `account show` and `account list`."""
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    accounts = read_accounts(
        write(FULL + f'[account.pinned]\nhost = "h"\ntls = "required"\ntls_name = "n"\npins = "{PIN}"\n')
    )
    main = accounts["main"]
    assert main.auth is not None
    main.auth.secret.reveal()
    told = str([described(account) for account in accounts.values()] + [summary(one) for one in accounts.values()])

    assert PASSWORD not in told
    assert "env:SMTP_PASSWORD" in told
    assert PIN in told


def test_authorities_of_its_own_are_told_of() -> None:
    """Not the certificates themselves."""
    security = Security(mode=TlsMode.REQUIRED, authorities="-----BEGIN CERTIFICATE-----")
    told = described(Account(host="h", security=security))

    assert told["authorities"] == "those of ca_file alone"
    assert "BEGIN" not in str(told)


def test_a_campaign_names_its_accounts(write: Write, tmp_path: Path) -> None:
    """One, or several, which share the mail; an unknown name is told with those that there are."""
    write(FULL)
    (tmp_path / "list.csv").write_text("Email\nann@x.test\n", encoding="utf-8")
    file = tmp_path / "campaign.toml"
    rest = (
        '[campaign]\nname = "c"\nfrom = "a@x.test"\nsubject = "s"\n[list]\nfile = "list.csv"\nemail = "Email"\n'
        '[message]\ntext = "hi\\n"\n'
    )
    file.write_text('account = "main"\n' + rest, encoding="utf-8")
    one = read_campaign(file)
    file.write_text('account = ["reserve", "main"]\n' + rest, encoding="utf-8")
    two = read_campaign(file)
    file.write_text('account = "mian"\n' + rest, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_campaign(file)

    assert [member.account.name for member in one.members] == ["main"]
    assert [member.account.name for member in two.members] == ["reserve", "main"]
    assert caught.value.hint == 'did you mean "main"?'
    assert caught.value.where == f"{file}:1"


def test_the_accounts_file_is_looked_for_in_three_places(tmp_path: Path) -> None:
    """Beside the campaign, where the environment says, with the user's configuration."""
    assert accounts_path(tmp_path, {"MAILDRILL_ACCOUNTS": "/x/a.toml"}) == Path("/x/a.toml")
    assert accounts_path(tmp_path, {"XDG_CONFIG_HOME": "/c"}) == Path("/c/maildrill/accounts.toml")
    (tmp_path / "accounts.toml").touch()
    assert accounts_path(tmp_path, {"MAILDRILL_ACCOUNTS": "/x/a.toml"}) == tmp_path / "accounts.toml"


def test_a_file_that_others_can_read_is_warned_about(write: Write) -> None:
    """And what to do about it."""
    path = write(FULL)

    assert exposed(path) == ""
    path.chmod(0o644)
    assert exposed(path) == f"{path} is open to others (0644): chmod 600 {path}"


def test_what_makes_no_sense_cannot_be_asked() -> None:
    """Pins where nobody is checked, credentials without a mechanism, records and pins that are none."""
    with pytest.raises(ValueError, match="can only be asked"):
        Security(pins=(Pin.of(PIN),))
    with pytest.raises(ValueError, match="at least one"):
        Credentials(user="a", secret=Secret("env:X", str), mechanisms=())
    for text in ("3 1", "a 1 1 00", "3 1 300 00", "3 1 1 zz"):
        with pytest.raises(ValueError, match=r"three numbers|hexadecimal"):
            Tlsa.of(text)


def test_records_and_pins_are_read_and_written() -> None:
    """In their usual forms; only usages 2 and 3 count for SMTP (RFC 7672 section 3.1.3)."""
    texts = [
        "3 1 1 " + "ab" * 32,
        "2 0 2 " + "cd" * 64,
        "3 0 0 3082",
        "1 1 1 " + "ab" * 32,
        "3 1 1 ab",
        "3 2 1 ab",
        "3 1 9 ab",
    ]
    records = [Tlsa.of(text) for text in texts]

    assert [str(record) for record in records] == texts
    assert [record.usable for record in records] == [True, True, True, False, False, False, False]
    assert str(Pin.of("KEY-SHA256:" + ":".join(["AB"] * 32))) == "key-" + PIN


@pytest.mark.parametrize(
    ("security", "proof"),
    [
        (Security(), Proof.NOTHING),
        (Security(mode=TlsMode.REQUIRED), Proof.NAME),
        (Security(mode=TlsMode.REQUIRED, verify=False), Proof.NOTHING),
        (Security(mode=TlsMode.IMPLICIT, pins=(Pin.of(PIN),)), Proof.PIN),
        (Security(mode=TlsMode.REQUIRED, tlsa=(Tlsa.of("3 1 1 " + "ab" * 32),)), Proof.DANE),
    ],
)
def test_what_a_server_must_show(security: Security, proof: Proof) -> None:
    """Records before pins before the name."""
    assert security.proof is proof
