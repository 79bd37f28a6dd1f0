"""The script language as values: rules, what they say of who, when and what, and the server apart from them.

Rule: a value that exists can be played; what is impossible is refused when it is made. Pure.
Start with `script`; its words are `span`, `count`, `pattern`, `octets`, `template`, and the names in `script_words`.
Imports maildrill.smtp only.
"""
