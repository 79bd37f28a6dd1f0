"""Scripts as text: TOML out, which script_file reads back to the same script. rule_writer writes each rule. Pure."""

from __future__ import annotations

from maildrill.fakeserver.rule_writer import rule_to_toml
from maildrill.fakeserver.script import Script
from maildrill.fakeserver.server_file import server_to_toml


def script_to_toml(script: Script) -> str:
    """Return the TOML text of a script; `read_script(text, script.name) == script`."""
    blocks = ["version = 1\n"]
    server = server_to_toml(script.server)
    if server:
        blocks.append(server)
    blocks += [rule_to_toml(rule) for rule in script.rules]
    return "\n".join(blocks)
