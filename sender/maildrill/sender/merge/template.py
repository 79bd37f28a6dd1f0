"""Templates: text with tags in brackets.

`[Column]` is the row's value, `[Column|friend]` has a default for an empty one, `[[` and `]]` are brackets.
Rule: what was parsed can be rendered with any fields; what could go wrong goes wrong in `parse` or in `preflight`.
"""

from __future__ import annotations

import html as markup
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from maildrill.smtp import ConfigurationError, escape

_TOKEN = re.compile(r"(?P<bracket>\[\[|\]\])|\[(?P<tag>[^\[\]\r\n]*)\]|(?P<open>\[)")
# In HTML these hold brackets that nobody means as tags: style rules (a[href]), Outlook's <!--[if mso]>, <![endif]-->.
_HTML_TOKEN = re.compile(
    r"(?P<literal><style\b.*?</style\s*>|<!(?:--)?\s*\[[^\[\]]*\])|" + _TOKEN.pattern, re.DOTALL | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A place for the value of a column. default: None = the row must have a value. line: from 1, for errors."""

    name: str
    default: str | None = None
    line: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"[{self.name}]" if self.default is None else f"[{self.name}|{self.default}]"


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal texts and tags in order. name: what errors call it. html: values get escaped."""

    name: str
    parts: tuple[str | Tag, ...]
    html: bool = False

    @classmethod
    def parse(cls, text: str, name: str, *, html: bool = False) -> Template:
        """Return the template that `text` is; raises ConfigurationError with `name:line` for a broken tag."""
        parts: list[str | Tag] = []
        end = 0
        for match in (_HTML_TOKEN if html else _TOKEN).finditer(text):
            parts.append(text[end : match.start()])
            end = match.end()
            kind = match.lastgroup
            line = text.count("\n", 0, match.start()) + 1
            if kind == "open":
                raise _broken(f'"{escape(text[match.start() :][:20])}" opens a tag that is not closed', name, line)
            if kind == "bracket":
                parts.append(match[0][0])
            else:
                parts.append(_tag(match["tag"], name, line) if kind == "tag" else match[0])
        parts.append(text[end:])
        return cls(name, tuple(part for part in parts if part != ""), html)

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags in the order in which they stand."""
        return tuple(part for part in self.parts if isinstance(part, Tag))

    def render(self, fields: Mapping[str, str]) -> str:
        """Return the text with every tag filled; a blank or missing value gives the default, or nothing."""
        return "".join([part if isinstance(part, str) else self.fill(part, fields) for part in self.parts])

    def fill(self, tag: Tag, fields: Mapping[str, str]) -> str:
        """Return what stands for a tag; a blank or missing value gives the default, or nothing."""
        value = fields.get(tag.name, "")
        if not value.strip():
            return tag.default or ""  # the author's own text: it may be markup
        return markup.escape(value) if self.html else value


def _tag(inner: str, name: str, line: int) -> Tag:
    column, bar, default = inner.partition("|")
    column = unicodedata.normalize("NFC", column.strip())
    if not column:
        raise _broken(f'"[{escape(inner)}]" is a tag without a name', name, line)
    return Tag(column, default if bar else None, line)


def _broken(what: str, name: str, line: int) -> ConfigurationError:
    return ConfigurationError(
        what, where=f"{name}:{line}", expected="[Column] or [Column|default]", hint="write [[ where a bracket is meant"
    )
