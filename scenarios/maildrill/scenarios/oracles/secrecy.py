"""Invariants I35 and I36: nothing in clear where TLS is required, and no secret anywhere.

Rule: a secret is looked for in every form that it may take on its way: as it is, and as others would encode it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from html import escape
from urllib.parse import quote

from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.smtp import Stage

_LOGIN = frozenset({Stage.AUTH, Stage.AUTH_STEP})
_PRIVATE = _LOGIN | {Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BDAT}
#: A shorter one stands in innocent words, too.
_SHORTEST = 6


def forms_of(secret: str) -> frozenset[str]:
    """Return the texts by which a secret can be known: as it is, in URL, HTML, JSON, hexadecimal, and in base64.

    In base64 it may stand behind other octets, as behind the name in PLAIN (RFC 4616): three forms, of the characters
    that depend on the secret alone. One that is too short to be told from innocent words has none.
    """
    if len(secret) < _SHORTEST:
        return frozenset()
    octets = secret.encode("utf-8", "surrogatepass")
    in_json = {json.dumps(secret, ensure_ascii=plain)[1:-1] for plain in (True, False)}
    forms = {secret, escape(secret), octets.hex(), octets.hex().upper(), *in_json}
    forms |= {quote(octets, safe=safe) for safe in ("", "/")}
    for text in {secret, *in_json}:
        forms |= _in_base64(text.encode("utf-8", "surrogatepass"))
    return frozenset(forms)


def _in_base64(octets: bytes) -> set[str]:
    forms = set()
    for before in range(3):
        text = b64encode(bytes(before) + octets).decode()
        whole = text[-(-before * 4 // 3) : (before + len(octets)) * 4 // 3]
        forms |= {whole, whole.translate(str.maketrans("+/", "-_"))}
    return forms


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in a value of a log or a report, keys included."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)
    else:
        yield str(value)


def nothing_in_clear(evidence: Evidence) -> Iterator[Breach]:
    """I35: the journal has no credential in clear, and where TLS is required no envelope and no message either."""
    wanted = _PRIVATE if evidence.tls_required else _LOGIN
    for asked in evidence.asked if not wanted.isdisjoint(evidence.by_stage) else ():
        if asked.secure or asked.stage not in wanted:
            continue
        host = evidence.hosts.get(asked.session)
        private = asked.stage in _LOGIN and host not in evidence.plaintext
        if private or (asked.stage in _PRIVATE and host in evidence.tls_required):
            yield Breach(asked.recipient, f"session {asked.session} said {asked.stage} in clear")


def secrets(evidence: Evidence) -> Iterator[Breach]:
    """I36: look for each secret, in every form, in everything that was written."""
    forms = [form for secret in evidence.secrets for form in forms_of(secret)]
    if not forms:
        return
    for event in evidence.events:
        if _holds(event.fields, forms):
            yield Breach("", f"event {event.number} of the log ({event.kind}) holds a secret")
    for attempt in evidence.attempts:
        if _holds([attempt.reply, attempt.detail, attempt.account, attempt.host], forms):
            yield Breach(attempt.recipient, "has a try in the ledger that holds a secret")
    if _holds(evidence.report, forms):
        yield Breach("", "the report holds a secret")


def _holds(value: object, forms: list[str]) -> bool:
    return any(form in text for text in texts_in(value) for form in forms)


SECRECY = (
    Invariant(
        35,
        "nothing in clear",
        "Where TLS is required no MAIL and no credential goes in clear, whatever the server does.",
        "RFC 3207 section 4",
        nothing_in_clear,
        (Witness.JOURNAL, Witness.LIST),
    ),
    Invariant(
        36,
        "secrets",
        "No password or token stands in log, ledger or report, as it is or encoded.",
        "RFC 4954 section 9",
        secrets,
        (Witness.LOG, Witness.LEDGER, Witness.REPORT),
    ),
)
