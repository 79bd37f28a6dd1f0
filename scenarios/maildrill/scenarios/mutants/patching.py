"""Replace functions of the sender for a while."""

from __future__ import annotations

from types import TracebackType
from typing import Self

_NOTHING = object()


class Patching:
    """Puts everything back at the end of its block."""

    def __init__(self) -> None:
        self._before: list[tuple[object, str, object]] = []

    def setattr(self, target: object, name: str, value: object) -> None:
        """Replace an attribute of a module or a class, or stand before one that it inherits.

        Raises AttributeError where there is none: a defect of what nobody calls is none.
        """
        getattr(target, name)
        self._before.append((target, name, vars(target).get(name, _NOTHING)))
        setattr(target, name, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._before:
            target, name, value = self._before.pop()
            delattr(target, name) if value is _NOTHING else setattr(target, name, value)
