"""A value that is made quickly is the frozen value that it would be otherwise."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any, get_type_hints

import pytest

from maildrill.smtp.quickly import maker, quickly


@quickly
@dataclass(frozen=True, slots=True)
class Parcel:
    """What has all kinds of fields."""

    weight: int
    to: str = "ann@x.test"
    stamps: list[str] = field(default_factory=list)
    mark: str = field(default="new", init=False)
    seal: str = field(init=False)
    fragile: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise ValueError(f"weighs {self.weight}")


@dataclass(frozen=True, slots=True)
class Plain:
    """What is to be compared."""

    weight: int
    to: str = "ann@x.test"
    stamps: list[str] = field(default_factory=list)
    mark: str = field(default="new", init=False)
    seal: str = field(init=False)
    fragile: bool = field(default=False, kw_only=True)


@quickly
@dataclass(frozen=True, slots=True)
class Pair:
    """Nothing special."""

    one: int
    two: int


def test_a_value_has_what_it_was_given() -> None:
    """By place, by name, by default; a list of its own; and nothing where nothing is said."""
    parcel = Parcel(3, "bob@x.test", fragile=True)
    other = Parcel(weight=4, stamps=["blue"])

    assert (parcel.weight, parcel.to, parcel.mark, parcel.fragile) == (3, "bob@x.test", "new", True)
    assert (other.weight, other.to, other.stamps, other.fragile) == (4, "ann@x.test", ["blue"], False)
    assert Parcel(1).stamps is not Parcel(1).stamps
    assert not hasattr(parcel, "seal")


def test_a_maker_makes_what_the_class_would() -> None:
    """From the same arguments, checked in the same way, and as frozen."""
    make, pair = maker(Parcel), maker(Pair)(1, 2)
    parcel = make(3, "bob@x.test", fragile=True)

    assert (type(parcel), type(pair), pair) == (Parcel, Pair, Pair(1, 2))
    assert (parcel.weight, parcel.to, parcel.mark, parcel.fragile) == (3, "bob@x.test", "new", True)
    assert make(weight=4, stamps=["blue"]).stamps == ["blue"]
    assert make(1).stamps is not make(1).stamps
    assert not hasattr(parcel, "seal")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'one'"):
        pair.one = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="weighs -1"):
        make(-1)
    with pytest.raises(TypeError, match=r"Pair\(\) missing 1 required positional argument: 'two'"):
        maker(Pair)(1)  # type: ignore[call-arg]


@pytest.mark.parametrize("cls", [Plain, int, len])
def test_only_what_is_made_quickly_has_a_maker(cls: Any) -> None:
    """Any other class is asked itself."""
    with pytest.raises(TypeError, match="is not made quickly"):
        maker(cls)


def test_a_value_stays_frozen() -> None:
    """Nobody can change it, or give it more than it has."""
    pair = Pair(1, 2)

    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'one'"):
        pair.one = 3  # type: ignore[misc]
    assert not hasattr(pair, "__dict__")
    assert type(pair) is Pair


def test_a_value_behaves_as_any_other() -> None:
    """It is compared, hashed, copied, replaced, pickled and shown."""
    pair = Pair(1, 2)

    assert (pair, hash(pair), repr(pair)) == (Pair(1, 2), hash(Pair(1, 2)), "Pair(one=1, two=2)")
    assert pair == copy.copy(pair) == copy.deepcopy(pair) == pickle.loads(pickle.dumps(pair))  # noqa: S301 - our own
    assert replace(pair, two=3) == Pair(1, 3)


class Doubled:
    """A field that keeps half of what it tells."""

    slot = "_half"

    def __get__(self, whose: object | None, owner: type) -> int:
        """Return twice what was given."""
        if whose is None:
            raise AttributeError("no default")
        return 2 * int(getattr(whose, self.slot))

    def __set__(self, whose: object, half: int) -> None:
        raise NotImplementedError("it is put into its slot")


def test_a_field_may_be_a_descriptor() -> None:
    """What it is given is put where it keeps its value."""

    @quickly
    @dataclass(frozen=True)
    class Crate:
        __slots__ = ("_half", "mark")
        mark: str
        whole: Doubled = Doubled()

    made = Crate("new", 3)

    assert (made.mark, made.whole, maker(Crate)("new", 4).whole) == ("new", 6, 8)


def test_it_is_asked_about_its_arguments() -> None:
    """By people, by type checkers and by Hypothesis; wrong ones are refused in its own name."""
    assert str(inspect.signature(Parcel)) == str(inspect.signature(Plain))
    assert get_type_hints(Parcel.__init__) == get_type_hints(Plain.__init__)
    with pytest.raises(TypeError, match=r"Pair\.__init__\(\) missing 1 required positional argument: 'two'"):
        Pair(1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="weighs -1"):
        Parcel(-1)


def test_what_cannot_be_made_so_is_refused() -> None:
    """A class without slots, one that inherits; and whoever inherits from one that was made so."""

    @dataclass(frozen=True)
    class Open:
        one: int

    @dataclass(frozen=True, slots=True)
    class Base:
        one: int

    @dataclass(frozen=True, slots=True)
    class Heir(Base):
        two: int

    for cls in (Open, Heir):
        with pytest.raises(TypeError, match=f"{cls.__name__} is no plain dataclass with slots"):
            quickly(cls)
    with pytest.raises(TypeError, match="Same inherits from a class whose values are made quickly"):

        class Same(Pair):
            __slots__ = ()
