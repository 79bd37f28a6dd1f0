"""A secret that says where it comes from, and never what it is.

Rule 1: the value leaves by `reveal`, or by `known` once it was revealed; repr and str have the source. Rule 2: it is
fetched once, and again only when it has expired.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn


class Secret:
    """A password or a token. source: where it comes from, for people (`env:SMTP_PASSWORD`); equal if that is equal.

    fetch: gives the value; raises ConfigurationError where it cannot be had. renewable: whether to fetch it again may
    give another value, as a command does that mints tokens. slow: whether that takes so long that a loop must not wait.
    """

    __slots__ = ("_fetch", "_value", "renewable", "slow", "source")

    def __init__(self, source: str, fetch: Callable[[], str], *, renewable: bool = False, slow: bool = False) -> None:
        self.source = source
        self.renewable = renewable
        self.slow = slow
        self._fetch = fetch
        self._value: str | None = None

    def reveal(self) -> str:
        """Return the value; the first time it is fetched, which may take a while. Raises ConfigurationError."""
        if self._value is None:
            self._value = self._fetch()
        return self._value

    @property
    def known(self) -> str:
        """The value where it was fetched before; "" else."""
        return self._value or ""

    def renew(self) -> str | None:
        """Fetch it once more; None where it is still the same. Raises ConfigurationError."""
        if not self.renewable:
            return None
        before, self._value = self._value, self._fetch()
        return self._value if self._value != before else None

    def __repr__(self) -> str:
        return f"Secret({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be pickled")
