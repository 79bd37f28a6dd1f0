"""Transcripts as scripts: a strict one is played as it is, of any other rules are made. Pure."""

from __future__ import annotations

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.text.transcript.reader import read_transcript
from maildrill.fakeserver.text.transcript.rules import rules_of


def read_transcript_script(text: str, name: str) -> Script:
    """Return the script that the text of a transcript is; raises ConfigurationError."""
    transcript = read_transcript(text, name)
    if transcript.strict:
        return Script(name=name, server=Settings(hostname=transcript.hostname), transcript=transcript)
    return rules_of(transcript).script(name)
