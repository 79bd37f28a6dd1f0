"""What a server sends by itself, later: bounces, feedback reports, automatic replies.

Rule: to where the script says and nowhere else; else into the journal only.
Start with `injections` (what is sent, pure), then `notices` (its octets, pure), `injector` and `courier`. Imports
session, engine, protocol, journal, message and language.
"""
