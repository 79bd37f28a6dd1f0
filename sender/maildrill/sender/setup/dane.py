"""DANE for SMTP (RFC 7672): what a host's TLSA records ask of a session. Pure.

Rule: records count only where DNSSEC vouches for them; then TLS is enforced, and the records say who is there.
"""

from __future__ import annotations

from dataclasses import replace

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.route.answers import TextAnswer
from maildrill.sender.security import Security, Tlsa, TlsMode
from maildrill.smtp import Stage


def by_dane(security: Security, answer: TextAnswer, host: str) -> Security | Broken | None:
    """Return what a secure domain's host asks for; None: nothing; Broken: not now (RFC 7672 sections 2.1 and 2.2).

    Records of which none is usable ask for TLS with whomever it is (section 2.2).
    """
    if answer.found.temporary:
        detail = f"the TLSA records of {host} could not be had: {answer.detail or answer.found.value}"
        return Broken(Stage.TLS, Fault.POLICY, None, detail)
    if not answer.secure or not answer.records:
        return None
    usable = tuple(record for record in map(_read, answer.records) if record is not None and record.usable)
    return replace(
        security,
        mode=TlsMode.REQUIRED,
        name=host.rstrip("."),
        pins=(),
        tlsa=usable,
        verify=security.verify and security.enforced,
        published=True,
    )


def _read(text: str) -> Tlsa | None:
    try:
        return Tlsa.of(text)
    except ValueError:
        return None
