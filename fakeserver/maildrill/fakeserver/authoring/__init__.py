"""Help for who writes a script: a lint, a JSON Schema for editors, and the words of the language in Python.

Rule: nothing here is needed to play a script. Pure.
Start with `lint`, `schema` and `rule_builder`. Imports engine, text and language.
"""
