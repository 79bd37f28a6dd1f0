"""Transcripts at play: what a client says is held against the lines, and a session that was seen becomes one.

Start with `play` (what is left of a transcript), then `hearing`, `exchange` and `talk` (one session). The text is
text.transcript's. Imports session, protocol, journal, message, text and language.
"""
