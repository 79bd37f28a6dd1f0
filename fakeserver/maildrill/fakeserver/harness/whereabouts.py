"""How programs are told where mail goes: environment variables, Django's settings, and what TLS needs.

Rule: certificates are minted when somebody asks for them, and what lies on disk is the authority's certificate alone.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_HOSTS: tuple[str, ...] = ("SMTP_HOST", "EMAIL_HOST", "MAIL_HOST", "MAIL_SERVER")
_PORTS: tuple[str, ...] = ("SMTP_PORT", "EMAIL_PORT", "MAIL_PORT")
_USERS: tuple[str, ...] = ("SMTP_USER", "EMAIL_HOST_USER", "MAIL_USERNAME")
_PASSWORDS: tuple[str, ...] = ("SMTP_PASSWORD", "EMAIL_HOST_PASSWORD", "MAIL_PASSWORD")
#: Where OpenSSL (Python, Ruby, PHP, curl …) and Node.js look for whom to trust.
_TRUST: tuple[str, ...] = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a server is and how to come in. user: a name and a password, where one is needed. ca_file: where TLS is."""

    host: str
    port: int
    user: tuple[str, str] | None = None
    ca_file: Path | None = None

    @property
    def env(self) -> dict[str, str]:
        """Return environment variables, by all the names that are in use."""
        said = dict.fromkeys(_HOSTS, self.host) | dict.fromkeys(_PORTS, str(self.port))
        said["SMTP_URL"] = f"smtp://{self.host}:{self.port}"
        if self.user is not None:
            said |= dict.fromkeys(_USERS, self.user[0]) | dict.fromkeys(_PASSWORDS, self.user[1])
        if self.ca_file is not None:
            said |= dict.fromkeys(_TRUST, str(self.ca_file))
        return said

    @property
    def django_settings(self) -> dict[str, object]:
        """Return Django's settings; all of them, so that none is left from elsewhere."""
        name, password = self.user or ("", "")
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": self.host,
            "EMAIL_PORT": self.port,
            "EMAIL_HOST_USER": name,
            "EMAIL_HOST_PASSWORD": password,
            "EMAIL_USE_TLS": self.ca_file is not None,
            "EMAIL_USE_SSL": False,
        }


class Secure:
    """The server by TLS, from the first octet on at `port`; and whom a client must trust, there and after STARTTLS.

    host: what clients call it. hostname: what it calls itself. listen: starts to listen, and returns the port.
    """

    def __init__(self, host: str, hostname: str, listen: Callable[[], int]) -> None:
        self.host = host
        self._hostname = hostname
        self._listen = listen
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @cached_property
    def port(self) -> int:
        """The port at which TLS is spoken from the first octet on (RFC 8314)."""
        return self._listen()

    @property
    def url(self) -> str:
        """Host and port as a URL: `smtps://127.0.0.1:40002`."""
        return f"smtps://{self.host}:{self.port}"

    @cached_property
    def ca_file(self) -> Path:
        """The certificate of the server's authority, a PEM file that is there until the server is stopped."""
        self._folder = tempfile.TemporaryDirectory(prefix="maildrill-")
        path = Path(self._folder.name, "ca.pem")
        path.write_text(self._ca_pem(), encoding="ascii")
        return path

    def context(self) -> ssl.SSLContext:
        """Return the context of a client that checks certificates, and trusts this server's authority alone."""
        return ssl.create_default_context(cadata=self._ca_pem())

    def close(self) -> None:
        """Remove the file."""
        if self._folder is not None:
            self._folder.cleanup()

    def _ca_pem(self) -> str:
        from maildrill.fakeserver.session.certificates import certificates_for  # noqa: PLC0415 - slow to load

        return certificates_for(self._hostname).ca_pem


def first_user(users: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the first user and the password, or None where everybody is let in."""
    return next(iter(users.items()), None)
