"""Scripts as text: TOML out, which script_file reads back to the same script.

Each kind of table is written by the module that knows it. Pure.
"""

from __future__ import annotations

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.toml_text import lines, one_or_list, quoted
from maildrill.fakeserver.text.expect_file import expectation_to_toml
from maildrill.fakeserver.text.inject_file import injection_to_toml
from maildrill.fakeserver.text.profile_file import profile_to_toml
from maildrill.fakeserver.text.rule_writer import rule_to_toml
from maildrill.fakeserver.text.scenario_file import scenario_to_toml
from maildrill.fakeserver.text.server_file import server_to_toml
from maildrill.fakeserver.text.transcript.writer import transcript_text


def script_to_toml(script: Script) -> str:
    """Return the text of a script, TOML or a strict transcript; `read_script(text, script.name) == script`."""
    if script.transcript is not None:
        return transcript_text(script.transcript)
    uses = one_or_list(use.name for use in script.uses)
    clock = None if script.clock is None else quoted(script.clock.text)
    blocks = ["version = 1\n" + lines((("use", uses), ("clock", clock)))]
    if script.scenario is not None:
        blocks.append(scenario_to_toml(script.scenario))
    server = server_to_toml(script.server)
    if server:
        blocks.append(server)
    blocks += map(rule_to_toml, script.rules)
    blocks += map(profile_to_toml, script.profiles)
    blocks += map(expectation_to_toml, script.expectations)
    blocks += map(injection_to_toml, script.injections)
    return "\n".join(blocks)
