"""The bundled campaigns: complete examples to rehearse, to read and to copy."""

from __future__ import annotations

from pathlib import Path

from maildrill.smtp import ConfigurationError, did_you_mean

_FOLDER = Path(__file__).parent

#: Each bundled campaign, and the script that it is rehearsed against unless another is named.
CAMPAIGNS = {"festival": "rough-week", "notice": "too-many-recipients-452"}
DEFAULT_CAMPAIGN = "festival"
DEFAULT_SCRIPT = "rough-week"


def campaign_path(name_or_path: str) -> Path:
    """Return the campaign file of that name, or at that path; raises ConfigurationError for a name not there."""
    if name_or_path in CAMPAIGNS:
        return _FOLDER / name_or_path / "campaign.toml"
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1 or path.is_file():
        return path
    raise ConfigurationError(
        f'no bundled campaign is called "{name_or_path}"',
        expected="a campaign file, or one of: " + " ".join(CAMPAIGNS),
        hint=did_you_mean(name_or_path, CAMPAIGNS),
    )


def script_for(name_or_path: str) -> str:
    """Return the name of the script that a campaign is rehearsed against unless another is named."""
    return CAMPAIGNS.get(name_or_path, DEFAULT_SCRIPT)
