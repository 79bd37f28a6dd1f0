"""What other programs are told or say, as scripts: samples of each vocabulary, and what each mistake is told.

samples/*.txt: what is imported, `----`, what comes of it. errors.txt: the format, `:` and a text, `----`, the message.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from maildrill.fakeserver.importers.formats import FORMATS, detect, import_text
from maildrill.smtp import ConfigurationError

HERE = Path(__file__).parent
SAMPLES = sorted((HERE / "samples").glob("*.txt"))
ERRORS = (HERE / "errors.txt").read_text("utf-8").split("====\n")


def format_of(sample: Path) -> str:
    """Return the format of a sample: what its name begins with."""
    return max((name for name in FORMATS if sample.stem.startswith(name)), key=len)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_becomes_a_script(sample: Path) -> None:
    """The text as it should be, and it can be read."""
    text, _, wanted = sample.read_text("utf-8").partition("----\n")
    imported = import_text(text, "sample", format_of(sample))

    assert imported.text == wanted
    assert imported.script.name == "sample"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_format_is_known_by_its_looks(sample: Path) -> None:
    """Nobody has to name it."""
    text = sample.read_text("utf-8").partition("----\n")[0]

    assert detect(text) == format_of(sample)
    assert import_text(text, "sample").format == format_of(sample)


def test_every_format_has_a_sample() -> None:
    """What has none is not known to work."""
    assert {format_of(sample) for sample in SAMPLES} == FORMATS.keys()


@pytest.mark.parametrize("name", ["swaks", "smtplib", "maxbulk", "connection-log", "curl", "labelled", "telnet"])
def test_a_log_becomes_rules_where_they_are_wanted(name: str) -> None:
    """The same replies to the same commands, in TOML."""
    text = (HERE / "samples" / f"{name}.txt").read_text("utf-8").partition("----\n")[0]
    imported = import_text(text, "sample", as_rules=True)

    assert "[[rule]]" in imported.text
    assert imported.script.rules


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.splitlines()[0])
def test_a_mistake_is_told_with_its_place(error: str) -> None:
    """Where, what was read, what would have been right, what to try."""
    given, _, message = error.partition("----\n")
    name, _, text = given.partition(": ")

    with pytest.raises(ConfigurationError) as caught:
        import_text(text, "x", name or None)
    assert str(caught.value).splitlines() == message.splitlines()


def test_json_that_is_nested_for_ever_is_refused() -> None:
    """With words, whatever Python's limit is."""
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        import_text("[" * 100_000, "x", "mailpit")
