"""Transcripts as scripts: a strict one is played as it is, of any other rules are made. Pure."""

from __future__ import annotations

from maildrill.fakeserver.script import Script
from maildrill.fakeserver.settings import Settings
from maildrill.fakeserver.transcript.reader import read_transcript


def read_transcript_script(text: str, name: str) -> Script:
    """Return the script that the text of a transcript is; raises ConfigurationError."""
    transcript = read_transcript(text, name)
    settings = Settings(hostname=transcript.hostname)
    return Script(name=name, server=settings, transcript=transcript)
