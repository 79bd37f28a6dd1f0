"""Importers: what other programs are told, or have logged, as scripts of ours.

Start with `formats`: the list of all of them, and `import_text`. Each is a pure function from text.
"""
