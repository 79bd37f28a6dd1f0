"""A text part of which everything but the recipient's own values is ready: most messages of a campaign are such. Pure.

Rule: the octets are those of `mime.text_part` with the rendered template, or nothing is said and that is asked. What
makes a text need an encoding is looked for once in the template, and in each value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from maildrill.sender import mime
from maildrill.sender.merge.template import Tag, Template

#: Values that mean the same in text and in HTML, and can neither need an encoding nor complete a boundary ("--=_").
_PLAIN = re.compile(r"[A-Za-z0-9 .,:()@+-]{0,100}")
_LONGEST_VALUE = 100


class ReadyText:
    """The part of one template. `ready`: whether anything could be made ready."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._head = b""
        literals = [part for part in template.parts if isinstance(part, str)]
        self.ready = _is_plain(literals)
        if not self.ready:
            return
        self._first, self._filled = _taken_apart(template.parts)
        text = "".join([self._first, *(behind for _, behind in self._filled)])
        values = _LONGEST_VALUE * (len(template.parts) - len(literals))
        self.ready = mime.is_seven_bit(text) and max(map(len, text.split("\r\n"))) + values <= mime.LONGEST_LINE
        self._head = mime.text_head("html" if template.html else "plain", "7bit")

    def part(self, fields: Mapping[str, str]) -> bytes | None:
        """Return the part for a row; None where its values are not plain, or nothing is ready."""
        if not self.ready:
            return None
        said = [self._first]
        for tag, behind in self._filled:
            value = self._template.fill(tag, fields)
            if _PLAIN.fullmatch(value) is None:
                return None
            said += value, behind
        text = "".join(said)
        return self._head + (text if text.endswith("\r\n") else f"{text}\r\n").encode("ascii")


def _taken_apart(parts: Iterable[str | Tag]) -> tuple[str, list[tuple[Tag, str]]]:
    """Return the text before the first tag, and each tag with the text behind it; lines end with CRLF."""
    first, filled = "", list[tuple[Tag, str]]()
    for part in parts:
        if not isinstance(part, str):
            filled.append((part, ""))
        elif filled:
            tag, behind = filled[-1]
            filled[-1] = (tag, behind + mime.with_crlf(part))
        else:
            first += mime.with_crlf(part)
    return first, filled


def _is_plain(literals: list[str]) -> bool:
    """Whether no line break and no boundary can come about where a literal meets a value, or another one."""
    return not any(text.endswith("\r") or "=_" in text or text.startswith("_") for text in literals)
