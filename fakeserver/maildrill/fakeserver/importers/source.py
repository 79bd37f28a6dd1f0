"""What an importer reads: a text with a name, line by line or as JSON, with errors that say where. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from maildrill.smtp import ConfigurationError, escape
from maildrill.smtp.document import Table, table_of


@dataclass(frozen=True, slots=True)
class Source:
    """A text of another program; `name` is what errors call it."""

    text: str
    name: str

    @property
    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines with their numbers, from 1, without their ends."""
        return enumerate((line.removesuffix("\r") for line in self.text.split("\n")), 1)

    def fail(self, line: int, what: str, *, expected: str = "", hint: str = "") -> NoReturn:
        """Raise ConfigurationError at a line."""
        raise ConfigurationError(what, where=f"{self.name}:{line}", expected=expected, hint=hint)

    def json(self, expected: str) -> Table:
        """Return the object that the text holds; raises ConfigurationError."""
        values = self._json(expected)
        if not isinstance(values, Mapping):
            self.fail(1, "the JSON is no object", expected=expected)
        return table_of(values, self.name)

    def json_list(self, key: str, expected: str) -> list[Table]:
        """Return the objects of a list, which may stand alone or under a key; raises ConfigurationError."""
        values = self._json(expected)
        found = values.get(key) if isinstance(values, Mapping) else values
        if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
            self.fail(1, "the JSON is no list of objects", expected=expected)
        return table_of({key: found}, self.name).tables(key)

    def _json(self, expected: str) -> object:
        try:
            return json.loads(self.text)
        except json.JSONDecodeError as error:
            self.fail(error.lineno, f"not JSON: {escape(error.msg)}", expected=expected)
        except RecursionError:
            self.fail(1, "not JSON that can be read: nested too deeply")
