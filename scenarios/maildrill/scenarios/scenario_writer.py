"""Write scenarios as TOML: what scenario_file reads, the other way round; what is usual is left out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace

from maildrill.fakeserver.language import scenario as language
from maildrill.fakeserver.language.octets import Size
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.script_file import script_to_toml
from maildrill.scenarios.event import event_words
from maildrill.scenarios.fake_dns import zone_words
from maildrill.scenarios.scenario import LINE, Scenario, listed, usual_campaign
from maildrill.scenarios.world import DEFAULT, Network
from maildrill.sender.campaign import Campaign
from maildrill.sender.campaign_writer import campaign_to_toml
from maildrill.smtp import ConfigurationError
from maildrill.smtp.quantity import format_duration

#: What is said together or not at all: who says the first gets the others' defaults from it.
_TOGETHER = {"schedule": ("cap",), "rate": ("burst",), "chunk": ("chunking",)}


def scenario_to_toml(scenario: Scenario) -> str:
    """Return the file that read_script and scenario_of make the same scenario of.

    Raises ConfigurationError where the servers play a strict transcript: that is a file of its own.
    """
    if scenario.script.transcript is not None:
        raise ConfigurationError(
            "a scenario with a strict transcript cannot be one file", hint="give it rules, or keep the two apart"
        )
    return script_to_toml(replace(scenario.script, scenario=_told(scenario)))


def recipe(scenario: Scenario, name: str = "scenario.toml") -> str:
    """Return what can be pasted into a shell to play the scenario again."""
    return f"cat >{name} <<'END'\n{scenario_to_toml(scenario)}END\nmaildrill replay {name}"


def _told(scenario: Scenario) -> language.Scenario:
    campaign, size = _shortened(scenario.campaign)
    plain = _addresses(scenario)
    return language.Scenario(
        purpose=scenario.purpose,
        source=scenario.source,
        recipients=plain,
        listed="" if plain else scenario.listed,
        size=size,
        campaign=_campaign_words(campaign),
        dns=zone_words(scenario.dns),
        hosts={host: _host_words(host, script) for host, script in scenario.hosts.items()},
        network=_network_words(scenario.network),
        seed=scenario.seed,
        expectations=scenario.expectations,
        outcomes=scenario.outcomes,
        events=tuple(map(event_words, scenario.events)),
    )


def _addresses(scenario: Scenario) -> tuple[str, ...]:
    """Return the list as mere addresses, where it holds nothing else."""
    found = tuple(row.address for row in scenario.recipients.recipients)
    plain = listed(found, scenario.campaign.email) == scenario.listed and not any("{" in one for one in found)
    return found if plain else ()


def _shortened(campaign: Campaign) -> tuple[Campaign, Size | None]:
    """Return the campaign without what its letter was made longer with, and how much that was."""
    text = campaign.text or ""
    short = text
    while short.endswith(LINE):
        short = short.removesuffix(LINE)
    if short == text:
        return campaign, None
    return replace(campaign, text=short), Size(f"{len(text) - len(short)}B")


def _campaign_words(campaign: Campaign) -> dict[str, object]:
    usual = _whole(usual_campaign())
    words = _beyond(_whole(campaign), usual)
    if "route" in words:
        words.pop("account", None)
    return words


def _whole(campaign: Campaign) -> dict[str, object]:
    return tomllib.loads(campaign_to_toml(campaign, list_file=usual_campaign().list_file.name))


def _beyond(words: Mapping[str, object], usual: Mapping[str, object]) -> dict[str, object]:
    """Return the words, table by table, that are not as usual."""
    found: dict[str, object] = {}
    for key, said in words.items():
        before = usual.get(key)
        if isinstance(said, dict) and isinstance(before, dict):
            inner = _beyond(said, before)
            if inner:
                found[key] = inner
        elif said != before:
            found[key] = said
    for key in tuple(found):
        found |= {other: words[other] for other in _TOGETHER.get(key, ()) if other in words}
    return found


def _host_words(host: str, script: Script) -> dict[str, object]:
    if script.server.hostname == host:
        script = replace(script, server=replace(script.server, hostname=None))
    return {word: said for word, said in tomllib.loads(script_to_toml(script)).items() if word != "version"}


def _network_words(network: Network) -> dict[str, object]:
    words: dict[str, object] = {}
    if network.latency != DEFAULT.latency:
        words["latency"] = format_duration(network.latency)
    if network.jitter != DEFAULT.jitter:
        words["jitter"] = format_duration(network.jitter)
    if network.cuts:
        words["cuts"] = [f"{connection}@{octets}" for connection, octets in network.cuts]
    return words | {word: getattr(network, word) for word in ("segment", "seed") if getattr(network, word)}
