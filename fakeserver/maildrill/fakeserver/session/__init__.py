"""One connection: octets in and out, a conversation over them, and each decision performed.

Rule: decides nothing; only `session` knows aiosmtpd.
Start with `host` (what the parts ask of one another) and `conversation`; `express` is the short way of a plain
transaction. Imports engine, protocol, journal, message and language.
"""
