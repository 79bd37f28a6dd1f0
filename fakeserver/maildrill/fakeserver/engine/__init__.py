"""Deciding: an event goes in, a decision comes out.

Rule: time and chance are arguments; the same script, seed and events give the same decisions. Pure.
Start with `event` and `engine`. Who and what: `selectors`; when: `conditions`; what is said: `answer`, `shots`; why
not: `near_miss`. Imports language, text (a near miss says words as they are written) and message.
"""
