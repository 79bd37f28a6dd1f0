"""Frozen values that are made as fast as others: for the few of which there are some for each line of a dialogue.

A frozen dataclass sets each of its fields by object.__setattr__, which takes four times what making an open one does:
of a long drill that was a tenth. `@quickly` above `@dataclass(frozen=True, slots=True)` has a value be of an open class
while it is filled; nobody has seen it by then. A field that is a descriptor says in which slot it keeps its value
(`slot`), and the value is put there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, ParamSpec, TypeVar

_T = TypeVar("_T")
_P = ParamSpec("_P")


def quickly(cls: type[_T]) -> type[_T]:
    """Return a frozen dataclass with slots, made faster; all else about it stays.

    Raises TypeError where its values have more than its own slots: it inherits, or has no slots. Nobody can inherit
    from it either.
    """
    if cls.__bases__ != (object,) or "__slots__" not in cls.__dict__:
        raise TypeError(f"{cls.__name__} is no plain dataclass with slots")
    made = _made(cls, "def __init__({}):", ["self"], "_open(self, _opened)")
    _replace(cls, made)
    cls.__init_subclass__ = classmethod(_refuse)  # type: ignore[assignment]
    return cls


def maker(cls: Callable[_P, _T]) -> Callable[_P, _T]:
    """Return a function that does what a call of this class does, which must be made quickly, in half the time.

    For the few places that make a value for each line or each try: Python calls a function at once, and a class by way
    of whatever its type has to say to that.
    """
    if not isinstance(cls, type) or not hasattr(cls.__dict__.get("__init__"), "__wrapped__"):
        raise TypeError(f"{cls} is not made quickly")
    made = _made(cls, "def make({}):", [], "self = _opened()", "return self")
    made.__qualname__ = cls.__qualname__
    return made


def _made(cls: type, head: str, first: list[str], *around: str) -> Callable[..., Any]:
    """Return the function that fills a value. Names that begin with `_` are the class's own."""
    each = fields(cls)
    plain, named = ([one for one in each if one.init and bool(one.kw_only) is by_name] for by_name in (False, True))
    arguments = [*first, *map(_argument, plain), *(["*", *map(_argument, named)] if named else [])]
    filled = [f"self.{_slot(cls, one)} = {_value(one)}" for one in each if one.init or _has_default(one)]
    after = ["self.__post_init__()"] if hasattr(cls, "__post_init__") else []
    body = [around[0], *filled, "self.__class__ = _closed", *after, *around[1:]]
    given: dict[str, Any] = {f"_{one.name}": one.default for one in each}
    given |= {f"_{one.name}": one.default_factory for one in each if one.default_factory is not MISSING}
    opened = type(cls.__name__, (), {"__slots__": cls.__dict__["__slots__"]})
    given |= {"_MISSING": MISSING, "_open": object.__dict__["__class__"].__set__, "_opened": opened, "_closed": cls}
    made: dict[str, Callable[..., Any]] = {}
    source = "\n    ".join([head.format(", ".join(arguments)), *body])
    exec(source, given, made)  # noqa: S102 - as dataclasses do; of the class there are but names in it
    (found,) = made.values()
    return found


def _slot(cls: type, one: Field[Any]) -> str:
    return str(getattr(cls.__dict__.get(one.name), "slot", one.name))


def _argument(one: Field[Any]) -> str:
    if one.default_factory is not MISSING:
        return f"{one.name}=_MISSING"
    return one.name if one.default is MISSING else f"{one.name}=_{one.name}"


def _value(one: Field[Any]) -> str:
    made = f"_{one.name}" if one.default_factory is MISSING else f"_{one.name}()"
    if not one.init:
        return made
    return one.name if one.default_factory is MISSING else f"{made} if {one.name} is _MISSING else {one.name}"


def _has_default(one: Field[Any]) -> bool:
    return one.default is not MISSING or one.default_factory is not MISSING


def _replace(cls: type, made: Callable[..., None]) -> None:
    """Put the new method in the place of the old one, as which it presents itself to whoever asks for its arguments."""
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    made.__annotations__ = cls.__init__.__annotations__  # type: ignore[misc]
    made.__wrapped__ = cls.__init__  # type: ignore[attr-defined,misc]
    cls.__init__ = made  # type: ignore[misc]


def _refuse(cls: type) -> None:
    raise TypeError(f"{cls.__name__} inherits from a class whose values are made quickly, and would be values of that")
