"""One message: its octets as they come, and its fields and parts as rules and people look at them.

Rule: octets stay as they came; whatever is decoded is decoded when it is asked for. Pure.
Start with `body` and `content`. Imports maildrill.smtp only.
"""
