"""Keep secrets out of what a server says: some repeat what they were told. Pure.

Rule: what is scrubbed is gone before anything is made of a reply, so no ledger, log or report ever has it.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

from maildrill.smtp import Reply
from maildrill.smtp.transcript import REDACTED

#: A shorter secret would be found in innocent words, and is none.
_SHORTEST = 4


class Scrub:
    """Knows what must not be shown; `add` what is said that must not."""

    def __init__(self) -> None:
        self._needles: list[str] = []

    def add(self, *secrets: str) -> None:
        """Take secrets, or words that hold one, each also in base64."""
        for secret in secrets:
            octets = secret.encode("utf-8", "surrogatepass")
            forms = {secret, b64encode(octets).decode().rstrip("="), octets.decode("latin-1")}
            self._needles += [form for form in forms if len(form) >= _SHORTEST and form not in self._needles]
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
