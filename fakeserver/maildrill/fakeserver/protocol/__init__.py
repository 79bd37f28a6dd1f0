"""What a correct SMTP server says to each command, and how commands and logins are read.

Rule: knows nothing of scripts but the settings of the server. Pure.
Start with `dialogue`, its `judges` and its `state`. Imports language.
"""
