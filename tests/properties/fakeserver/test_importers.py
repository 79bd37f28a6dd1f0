"""Properties of importers: whatever the text, there is a script or a reason, and never anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.importers.formats import FORMATS, detect, import_text
from maildrill.fakeserver.text.script_file import read_script
from maildrill.fakeserver.text.transcript.reader import is_transcript
from maildrill.smtp import ConfigurationError

PIECES = (
    "S: 220 hi", "C: EHLO x", "<-  250-a", " -> DATA", "<** 354 go", " ~> .", "=== Trying x", "*** Remote host closed",
    "Server:", "Client:", "QUIT", "221 bye", "reply: b'250 ok\\r\\n'", "send: 'AUTH LOGIN\\r\\n'", "reply: b'334 x'",
    "2026-01-05T09:00:00.000Z #1  -> NOOP", "2026-01-05T09:00:00.000Z #1 <** 421 \\x1b", "< 250 ok", "> NOOP",
    "* Connected to x", "*eof", ">*eof", "*sleep 1", ">>x", "<<y", ".", "...", "smtp-sink -f RCPT", "-W EHLO:1:50 -e",
    '{"Sender": {"ErrorCode": 451, "Probability": 5}}', "Sender:451:5", '{"DisconnectChance": 1}', "-jim-accept=0.5",
    '[{"command": "DATA", "condition": {"operator": "matchAll"}, "response": {"code": 250, "message": "x"}}]',
    "[default]", "bounce = 3", '[[defer."x"]]', "code = 450", 'msg = "a {b}"', "to=<a@x.test>, status=sent (250 ok)",
    "to=<a@x.test>, dsn=4.0.0, status=deferred (host x said: 450 no (in reply to RCPT TO command))",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=8).map("\n".join)


@pytest.mark.parametrize("name", FORMATS)
@given(text=TEXTS)
def test_any_text_is_imported_or_refused(name: str, text: str) -> None:
    """What comes of it can be read, or played at least; what is wrong is told with its place."""
    try:
        imported = import_text(text, "x", name)
    except ConfigurationError as error:
        assert error.where.startswith("x")  # noqa: PT017 - it need not raise
        return
    played = "strict = true\n" + imported.text.removeprefix("strict = true\n")

    assert read_script(played if is_transcript(imported.text) else imported.text, "x").name == "x"


@given(TEXTS)
def test_any_text_looks_like_something_or_nothing(text: str) -> None:
    """Finding out never fails."""
    assert detect(text) in {None, *FORMATS}
