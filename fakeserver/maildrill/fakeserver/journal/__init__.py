"""What was seen: written down as it happens, looked for, waited for, held against expectations.

Rule: an entry is written once; whoever reads never changes what was seen.
Start with `record` (the values) and `journal` (to read); `books` and `retention` write, `maildir`
writes messages to disk. Imports language and message.
"""
