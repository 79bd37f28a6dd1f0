"""Properties of script files above the rules: what is written is read back, whatever it is."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.script import Script
from maildrill.fakeserver.script_file import read_script, script_to_toml
from maildrill.fakeserver.server_file import BOUNDS
from maildrill.fakeserver.settings import MECHANISMS, Settings, Unmatched
from maildrill.smtp.quantity import parse_duration

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = TEXTS.filter(str.isprintable)


def _limit(name: str) -> st.SearchStrategy[float]:
    bound = BOUNDS[name]
    if bound.parse is parse_duration:
        return st.integers(round(bound.least * 1000), round(bound.most * 1000)).map(lambda number: number / 1000)
    return st.integers(int(bound.least), int(bound.most))


SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "hostname": st.sampled_from(("mx.drawn.test", "mx", "[192.0.2.1]")),
    "seed": st.integers(0, 2**64),
    "unmatched": st.sampled_from(Unmatched),
    "lint": st.booleans(),
    "strict": st.booleans(),
    "tls": st.booleans(),
    "users": st.dictionaries(NAMES, TEXTS.filter(lambda text: "\0" not in text), max_size=3),
    "auth": st.lists(st.sampled_from(MECHANISMS), unique=True).map(tuple),
    "caps": st.lists(st.sampled_from(("-8BITMIME", "SIZE 1000", "X-OWN")), unique=True).map(tuple),
    "limits": st.fixed_dictionaries({}, optional={name: _limit(name) for name in BOUNDS}),
}


@given(st.fixed_dictionaries({}, optional=SETTINGS))
def test_any_settings_can_be_written_and_read_back(said: dict[str, Any]) -> None:
    """TOML loses nothing, to the millisecond and the octet."""
    script = Script(name="drawn.toml", server=Settings(**said))

    assert read_script(script_to_toml(script), script.name) == script


@given(st.fixed_dictionaries({}, optional=SETTINGS), st.fixed_dictionaries({}, optional=SETTINGS))
def test_joined_settings_say_what_either_says(mine: dict[str, Any], others: dict[str, Any]) -> None:
    """Mine count; nothing that only the other says is lost."""
    joined = Settings(**mine).over(Settings(**others))

    assert joined.over(Settings(**mine)) == joined
    assert Settings().over(joined) == joined == joined.over(Settings())
    for name, value in mine.items():
        if value not in ((), {}):
            assert getattr(joined, name) == ({**others.get(name, {}), **value} if isinstance(value, dict) else value)
