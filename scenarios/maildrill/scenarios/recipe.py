"""How to run a drill again: its files, and the command. Pure.

Rule: what a failing test prints can be pasted into a shell, and fails there in the same way.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from maildrill.fakeserver.text.script_file import script_to_toml
from maildrill.scenarios.drill import Plan
from maildrill.sender.campaign_writer import campaign_to_toml
from maildrill.sender.lists import RecipientList
from maildrill.smtp.quantity import format_duration


@dataclass(frozen=True, slots=True)
class Recipe:
    """Files by name with their texts, and the arguments of `maildrill`."""

    files: Mapping[str, str]
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"cat >{name} <<'END'\n{text}END" for name, text in self.files.items()]
        return "\n".join([*parts, " ".join(["maildrill", *self.arguments])])


def recipe(plan: Plan, recipients: RecipientList) -> Recipe:
    """Return what runs `plan` for these recipients again; each must have the same columns."""
    network = plan.network
    files = {
        "campaign.toml": campaign_to_toml(plan.campaign, list_file="list.csv"),
        "list.csv": _csv(recipients),
        "script.toml": script_to_toml(plan.script),
    }
    arguments = ["drill", "campaign.toml", "--script", "script.toml"]
    arguments += ["--latency", format_duration(network.latency), "--jitter", format_duration(network.jitter)]
    arguments += ["--segment", str(network.segment)] if network.segment else []
    arguments += ["--seed", str(plan.seed)] if plan.seed is not None else []
    return Recipe(files, tuple(arguments))


def _csv(recipients: RecipientList) -> str:
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(recipients.columns)
    rows.writerows([row.fields.get(column, "") for column in recipients.columns] for row in recipients.recipients)
    return written.getvalue()
