"""What `maildrill serve` was told, and what follows from it: the loop, the token, how much is remembered.

Rule: what does not go together is refused before anything is opened.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from maildrill.cli.loop import best_loop, fast_loop
from maildrill.cli.parameters import Enough
from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.script_clock import ScriptClock
from maildrill.fakeserver.scaled_clock import ScaledLoop
from maildrill.smtp import ConfigurationError, escape

_KEEP = 10_000
_OCTETS = 64_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of `maildrill serve`: each field is what stands there by that name."""

    script: str
    host: str
    port: int
    tls_port: int | None
    lmtp: str | None
    unix: Path | None
    proxy_protocol: bool
    starttls: bool
    ca_file: Path | None
    users: Path | None
    strict: bool
    seed: int | None
    clock: ScriptClock | None
    no_watch: bool
    http_port: int | None
    http_host: str
    http_token: str | None
    http_no_token: bool
    http_allow_host: tuple[str, ...]
    maildir: Path | None
    keep: int | None
    keep_octets: int | None
    exit_after: Enough | None
    log: str
    loop: str
    ready_file: Path | None


def new_loop(options: Options, script: Script) -> asyncio.AbstractEventLoop:
    """Return the loop to serve in. Raises ConfigurationError where there is none such."""
    clock = options.clock or script.clock
    if clock is not None and clock.factor is None:
        raise ConfigurationError(
            'the script says clock = "virtual"',
            where=script.name,
            expected="real or scaled:60: who talks to a server on real sockets has a real clock",
            hint="--clock real plays it all the same; `maildrill drill` has a virtual clock",
        )
    if clock is not None and clock.factor is not None and clock.text != "real":
        if options.loop == "uvloop":
            raise ConfigurationError("uvloop cannot scale time", hint="leave --loop out, or take --clock real")
        return ScaledLoop(clock.factor)
    if options.loop == "auto":
        return best_loop()
    if options.loop == "asyncio":
        return asyncio.new_event_loop()
    try:
        return fast_loop()
    except ImportError:
        raise ConfigurationError("uvloop is not installed", hint="pip install uvloop") from None


def token_of(options: Options) -> str | None:
    """Return what HTTP calls must know, None for nothing. Raises ConfigurationError where that is not safe."""
    if not options.http_no_token:
        return options.http_token or secrets.token_urlsafe(24)
    if not _loopback(options.http_host):
        raise ConfigurationError(
            f"--http-no-token and --http-host {escape(options.http_host)}: everybody could steer this server",
            expected="--http-host 127.0.0.1 or ::1",
            hint="leave --http-no-token out",
        )
    return None


def journal_of(options: Options, script: Script) -> Journal:
    """Return a journal that remembers as much as it was told; by default all where the script expects something."""
    keep = options.keep or (None if script.expectations else _KEEP)
    octets = _OCTETS if options.http_port is not None else 0
    return Journal(keep=keep, octets=octets if options.keep_octets is None else options.keep_octets)


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
