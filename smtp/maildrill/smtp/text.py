"""Make what a stranger said safe to show: on a terminal, in a log, in HTML, in CI output.

Rule: escape at the edge where text is shown; values keep what was said.
"""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = "***"
#: A slash may have been lost on the way through a path; as far as the last @, which a password may have, too.
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*:/+)(?P<told>[^\s\"']*)@")
_PARAMETER = re.compile(r"([?&][a-z_]*(?:password|secret|token|key)=)[^&\s\"']+", re.IGNORECASE)
_CR, _LF = b"\r\n"  # as numbers they are found faster
_NAMED = {"\t": "\\t", "\r": "\\r", "\n": "\\n", "\\": "\\\\"}
# Control, format (bidi overrides, zero-width), surrogate, private and unassigned; line and paragraph separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def decode(octets: bytes) -> str:
    """Read octets from the wire as UTF-8, or as Latin-1 where they are not (nothing is lost)."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def has_bare_newline(octets: bytes) -> bool:
    """Whether there is a CR without LF, or an LF without CR (RFC 5321 section 2.3.8)."""
    lone = octets.replace(b"\r\n", b"  ")  # as long as before: that is the fast way, a third of the time of counting
    return _CR in lone or _LF in lone


def escape(text: str) -> str:
    r"""Return `text` with everything that could steer a terminal or forge a log line written out.

    Control and invisible characters become `\xNN`, `\uNNNN` or `\UNNNNNNNN`; a backslash is doubled,
    so that the result can be read back without doubt.
    """
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(_escaped(character) for character in text)


def without_credentials(text: str) -> str:
    """Return `text` with the user and the password of every URL in it hidden: who mistakes one for a file shows none.

    The user of a PostgreSQL URL stays, if there is no more than that: people look for it.
    """
    return _PARAMETER.sub(rf"\1{_HIDDEN}", _USERINFO.sub(_hidden, text))


def _hidden(found: re.Match[str]) -> str:
    scheme, told = found["scheme"], found["told"]
    if scheme.lower().startswith("file:"):  # a path with an @ in it
        return found[0]
    user, colon, _ = told.partition(":")
    if not scheme.lower().startswith("postgres"):
        return f"{scheme}{_HIDDEN}@"
    return f"{scheme}{user}:{_HIDDEN}@" if colon else found[0]


def _escaped(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if unicodedata.category(character) not in _UNSAFE:
        return character
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
