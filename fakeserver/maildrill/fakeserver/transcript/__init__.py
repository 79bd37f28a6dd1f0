"""Transcripts: the second form of a script, lines that server and client say.

Start with `steps` (the values), then `reader` and `writer` (text), `playing` and `play` (line by line), `to_rules`.
"""
