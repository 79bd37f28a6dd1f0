"""Keep secrets out of what a server says: some repeat what they were told. Pure.

Rule: what is scrubbed is gone before anything is made of a reply, so no ledger, log or report ever has it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from urllib.parse import quote

from maildrill.smtp import Reply
from maildrill.smtp.transcript import REDACTED

#: A shorter secret would be found in innocent words, and is none.
_SHORTEST = 4


class Scrub:
    """Knows what must not be shown; `add` what is said that must not."""

    def __init__(self) -> None:
        self._needles: list[str] = []

    def add(self, *secrets: str) -> None:
        """Take secrets, or words that hold one, each also as others may write it down: see _forms."""
        for secret in secrets:
            forms = _forms(secret) if len(secret) >= _SHORTEST else ()
            self._needles += [form for form in forms if form not in self._needles]
        self._needles.sort(key=len, reverse=True)  # what holds a secret goes before the secret

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        for needle in self._needles:
            if needle in text:
                text = text.replace(needle, REDACTED)
        return text

    def reply(self, reply: Reply) -> Reply:
        """Return a reply without secrets: the same one where it has none."""
        if not self._needles or not any(needle in line for line in reply.lines for needle in self._needles):
            return reply
        return replace(reply, lines=tuple(self.text(line) for line in reply.lines))


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, as Latin-1 has its octets, in URL, HTML, JSON and hexadecimal, and in base64.

    In base64 octets before it shift it: three forms, each of the characters that the secret alone decides.
    """
    octets = secret.encode("utf-8", "surrogatepass")
    in_json = [json.dumps(secret, ensure_ascii=plain)[1:-1] for plain in (True, False)]
    yield from (secret, octets.decode("latin-1"), escape(secret), escape(secret, quote=False), *in_json)
    yield from (octets.hex(), octets.hex().upper())
    for safe in ("", "/"):
        quoted = quote(octets, safe=safe)
        yield from (quoted, quoted.replace("%20", "+"), _lower(quoted))
    for said in dict.fromkeys([secret, *in_json]):
        yield from _in_base64(said.encode("utf-8", "surrogatepass"))


def _in_base64(octets: bytes) -> Iterator[str]:
    for before in range(3):
        text = b64encode(bytes(before) + octets).decode()
        own = text[-(-before * 4 // 3) : (before + len(octets)) * 4 // 3]
        yield from (own, own.replace("+", "-").replace("/", "_"))


def _lower(quoted: str) -> str:
    """Return it with the hexadecimal digits behind each % in lower case."""
    first, *others = quoted.split("%")
    return "%".join([first, *(one[:2].lower() + one[2:] for one in others)])
