"""Transcripts as text: lines that server and client say, read and written, and made into rules.

Start with `reader` and `writer`; the values are language.steps. A strict one is played line by line, by
maildrill.fakeserver.transcript. Imports language and text. Pure.
"""
