"""Read one account from its table, in accounts.toml or in a campaign: server, TLS, credentials.

Rule: a secret written down in clear is refused, and no error shows it.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from maildrill.sender.campaign import Account
from maildrill.sender.credentials import PASSWORDS, TOKENS, Credentials, Mechanism
from maildrill.sender.secret import Secret
from maildrill.sender.secret_sources import WORDS, secret_of
from maildrill.sender.security import Pin, Security, TlsMode
from maildrill.sender.setup.tls import context_of
from maildrill.smtp import did_you_mean, escape
from maildrill.smtp.document import Table, read_text

_PORTS = {TlsMode.IMPLICIT: 465}
_SUBMISSION, _RELAY = 587, 25


def read_account(table: Table, base: Path, name: str = "") -> Account:
    """Return the account in `table`; paths are relative to `base`. Raises ConfigurationError."""
    host = _host(table)
    auth = _credentials(table, base)
    security = _security(table, base, TlsMode.REQUIRED if auth else TlsMode.OPPORTUNISTIC)
    usual = _PORTS.get(security.mode, _SUBMISSION if auth else _RELAY)
    port = table.number("port", usual, least=1)
    if port > 65535:
        table.fail("port", f"{table.label('port')} is {port}", expected="a port from 1 to 65535")
    if auth and not security.enforced and not auth.plaintext:
        table.fail(
            "tls",
            f'tls is "{security.mode}" and there is a secret to be said',
            expected='tls = "required" or "implicit"',
            hint="plaintext = true says it to anybody who listens",
        )
    table.finish()
    return Account(host=host, port=port, name=name, security=security, auth=auth)


def _host(table: Table) -> str:
    host = table.text("host").strip()
    if not host or not host.isprintable():
        table.fail("host", f'"host" is "{escape(host)}"', expected="a line of text")
    if any(character in " /@" for character in host) or host.count(":") == 1:  # an IPv6 address has more
        label = table.label("host")
        table.fail("host", f'{label} is "{escape(host)}"', expected="a host name or address; port is its own key")
    return host


def _security(table: Table, base: Path, usual: TlsMode) -> Security:
    mode = TlsMode(table.choice("tls", [*TlsMode], usual))
    verify = table.flag("verify", default=True)
    name = table.text("tls_name", "")
    authorities = read_text(base / table.text("ca_file"), "ca_file") if table.has("ca_file") else ""
    pins = tuple(_pin(table, text) for text in table.texts("pins", ()))
    try:
        security = Security(mode=mode, verify=verify, name=name, authorities=authorities, pins=pins)
        context_of(security)
    except ssl.SSLError:
        table.fail(
            "ca_file", "ca_file holds no certificate", expected="certificates in PEM: -----BEGIN CERTIFICATE-----"
        )
    except ValueError as error:
        key = next(key for key in ("pins", "ca_file", "tls_name") if key in table)
        table.fail(key, f'{key} has no place where tls is "{mode}"', expected=str(error))
    return security


def _pin(table: Table, text: str) -> Pin:
    try:
        return Pin.of(text)
    except ValueError as error:
        table.fail("pins", f'"{escape(text)}" is no fingerprint', expected=str(error))


def _credentials(table: Table, base: Path) -> Credentials | None:
    kinds = [key for key in ("password", "token") if table.has(key)]
    if not kinds:
        for key in ("user", "auth", "plaintext"):
            if table.has(key):
                table.fail(key, f'"{key}" is there, and no secret', expected=f"password or token: {WORDS}")
        return None
    if len(kinds) == 2:
        table.fail("token", "there are a password and a token", expected="one of the two")
    (kind,) = kinds
    known = PASSWORDS if kind == "password" else tuple(sorted(TOKENS))
    names = [word.upper() for word in table.texts("auth", tuple(known))]
    for name in names:
        if name not in known:
            table.fail(
                "auth",
                f'no mechanism for a {kind} is called "{escape(name)}"',
                expected="one of: " + " ".join(known),
                hint=did_you_mean(name, known),
            )
    if not names:
        table.fail("auth", "auth is empty", expected="one of: " + " ".join(known))
    user = table.text("user")
    if not user or not user.isprintable():
        table.fail("user", f'"user" is "{escape(user)}"', expected="a line of text")
    return Credentials(
        user=user,
        secret=_secret(table, kind, base),
        mechanisms=tuple(Mechanism(name) for name in names),
        plaintext=table.flag("plaintext", default=False),
    )


def _secret(table: Table, key: str, base: Path) -> Secret:
    text = table.raw(key)
    try:
        return secret_of(text if isinstance(text, str) else "", where=table.where(key), base=base)
    except ValueError:  # whatever stands there may be the secret itself
        table.fail(
            key,
            f"{table.label(key)} does not say where the secret comes from",
            expected=WORDS,
            hint="a secret is never written into the file itself: put it into the environment, say",
        )
