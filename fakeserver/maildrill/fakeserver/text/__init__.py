"""Scripts as text, read and written: TOML, a module for each kind of table; and transcripts.

Rule: what is written is read back to the same script; every error names file, line and what was expected. Pure.
Start with `script_file`. `rulebook` is for programs that write scripts. Imports language.
"""
