"""What a person is told who made a mistake in a script above its rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import ConfigurationError

#: Scripts that are wrong, each with what a person is told: text, `----`, message, `====`. `…`: and what follows.
ERRORS = [
    case
    for file in ("server_errors.txt", "file_errors.txt")
    for case in (Path(__file__).parent / file).read_text("utf-8").split("====\n")
]


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case.partition("----\n")[2].partition("\n")[0])
def test_a_mistake_is_told(case: str) -> None:
    """File and line, what was read, what was expected, what to try."""
    text, _, message = case.partition("----\n")

    with pytest.raises(ConfigurationError) as caught:
        read_script(text, "s.toml")

    wanted = message.rstrip("\n").splitlines()
    told = [
        line[: len(words) - 1] + "…" if words.endswith("…") else line
        for line, words in zip(str(caught.value).splitlines(), wanted, strict=True)
    ]
    assert told == wanted
