"""The URL of a ledger in PostgreSQL: what of it may be shown, and whether it can be told apart at all. Pure.

Rule 1: no password is shown, wherever in the URL it stands. Rule 2: where user, host and password cannot be told
apart, nothing of it is shown, and nobody is asked to connect with it: the driver's words would quote its parts.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from maildrill.smtp import ConfigurationError

_URL = re.compile(
    r"(?P<scheme>postgres(?:ql)?://)(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?"
    r"(?P<place>[^@/?#]*(?:/[^@/?#]*)?)(?:\?(?P<query>[^@?#]*))?"
)
#: Parameters of libpq that are secrets.
_SECRET = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
_HIDDEN = "***"


def redacted(url: str) -> str:
    """Return a URL without its secrets."""
    found = _URL.fullmatch(url)
    if found is None:
        return f"postgresql://{_HIDDEN}"
    user = f"{found['user']}{'' if found['password'] is None else f':{_HIDDEN}'}@" if found["user"] is not None else ""
    query = "&".join(f"{name}={_HIDDEN}" if _is_secret(name) else one for one, name, _ in _parameters(found["query"]))
    return f"{found['scheme']}{user}{found['place']}" + (f"?{query}" if query else "")


def check_url(url: str) -> None:
    """Raise ConfigurationError for a URL whose parts cannot be told apart (RFC 3986 section 3.2.1)."""
    if _URL.fullmatch(url) is None:
        raise ConfigurationError(
            "the parts of this URL cannot be told apart",
            where=redacted(url),
            expected="postgresql://USER@HOST:PORT/DATABASE",
            hint="write @ / ? # in a name or a password as %40 %2F %3F %23, or give the password in ~/.pgpass",
        )


def without_secrets(text: str, url: str) -> str:
    """Return what somebody said without the secrets of a URL, as they are written there and as they are meant."""
    found = _URL.fullmatch(url)
    if found is None:
        return _HIDDEN
    secrets = {found["password"] or "", *(value for _, name, value in _parameters(found["query"]) if _is_secret(name))}
    for secret in sorted({*secrets, *map(unquote, secrets)} - {""}, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


def _parameters(query: str | None) -> list[tuple[str, str, str]]:
    """Return each parameter as it is written, its name, and its value as it is written."""
    cut = [(one, *one.partition("=")[::2]) for one in (query or "").split("&") if one]
    return [(one, unquote(name), value) for one, name, value in cut]


def _is_secret(name: str) -> bool:
    return name.strip().lower() in _SECRET
