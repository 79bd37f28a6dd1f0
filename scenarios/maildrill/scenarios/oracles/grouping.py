"""Put what belongs together into groups, in order. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

_T = TypeVar("_T")
_K = TypeVar("_K")


def grouped(items: Iterable[_T], key: Callable[[_T], _K]) -> dict[_K, tuple[_T, ...]]:
    """Return the items with each key, both in the order in which they first came."""
    groups: defaultdict[_K, list[_T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return closed(groups)


def closed(groups: defaultdict[_K, list[_T]]) -> dict[_K, tuple[_T, ...]]:
    """Return groups that nobody adds to any more, in the same dictionary: of a long list there is but one."""
    done = cast("dict[_K, tuple[_T, ...]]", groups)
    for name, group in groups.items():
        done[name] = tuple(group)
    groups.default_factory = None
    return done
