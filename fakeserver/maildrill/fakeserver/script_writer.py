"""Scripts as text: TOML out, which script_file reads back to the same script. rule_writer writes each rule. Pure."""

from __future__ import annotations

from maildrill.fakeserver.rule_writer import rule_to_toml
from maildrill.fakeserver.script import Script
from maildrill.fakeserver.toml_text import lines, quoted


def script_to_toml(script: Script) -> str:
    """Return the TOML text of a script; `read_script(text, script.name) == script`."""
    server = (
        ("hostname", script.server.hostname and quoted(script.server.hostname)),
        ("seed", None if script.server.seed is None else str(script.server.seed)),
        ("unmatched", script.server.unmatched and quoted(script.server.unmatched)),
    )
    blocks = ["version = 1\n"]
    if any(value is not None for _, value in server):
        blocks.append("[server]\n" + lines(server))
    blocks += [rule_to_toml(rule) for rule in script.rules]
    return "\n".join(blocks)
