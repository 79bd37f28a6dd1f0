"""What an account is in a drill: the same policy, with a certificate and a secret that are good for the drill alone.

Rule: no real secret is fetched, and no drill depends on one; what the script says of TLS and AUTH comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import count

from maildrill.fakeserver.language.script import DEFAULT_HOSTNAME, Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.sender.campaign import Account, Campaign
from maildrill.sender.credentials import Credentials
from maildrill.sender.secret import Secret
from maildrill.sender.security import Security

#: As a token, too: without a blank; with characters that have another form wherever it may be written down.
STAND_IN = "in-a-drill/only+8Vq2%"


def in_a_drill(
    campaign: Campaign, script: Script, hosts: Mapping[str, Script], password: str = STAND_IN
) -> tuple[Campaign, Settings]:
    """Return the campaign with accounts for a drill, and what the scripted servers have to be like for them.

    hosts: the scripts of some hosts; all others play `script`. A user that the scripts know has our stand-in for a
    password, too: it is nobody's, and known wherever it turns up (invariant I36).
    """
    accounts = [member.account for member in campaign.members]
    settings = _settings(accounts, [script, *hosts.values()], password)

    def drilled(account: Account) -> Account:
        own = hosts.get(account.host, script).server
        users = {**own.users, **settings.users}
        hostname = own.hostname or DEFAULT_HOSTNAME
        auth = _known(account.auth, users.get(account.auth.user, password)) if account.auth is not None else None
        return replace(account, security=_trusting(account.security, hostname), auth=auth)

    members = tuple(replace(member, account=drilled(member.account)) for member in campaign.route.members)
    route = replace(campaign.route, members=members)
    return replace(campaign, account=drilled(campaign.account), route=route), settings


def _settings(accounts: Sequence[Account], scripts: Sequence[Script], password: str) -> Settings:
    auths = [account.auth for account in accounts if account.auth is not None]
    mechanisms = dict.fromkeys(mechanism.value for auth in auths for mechanism in auth.mechanisms)
    known = [script.server.users for script in scripts if script.server.users]
    enforced = any(account.security.enforced for account in accounts)
    silent = all(script.server.tls is None for script in scripts)
    return Settings(
        tls=True if enforced and silent else None,
        auth=() if any(script.server.auth for script in scripts) else tuple(mechanisms),
        users={auth.user: password for auth in auths if all(auth.user in users for users in known)},
    )


def _trusting(security: Security, hostname: str) -> Security:
    """Trust the drill's authority, where any is: pins and records are those of the real server."""
    if not security.enforced:
        return security
    from maildrill.fakeserver.session.certificates import certificates_for  # noqa: PLC0415 - slow to load

    authorities = certificates_for(hostname).ca_pem
    return replace(security, name=hostname, authorities=authorities, pins=(), tlsa=())


def _known(auth: Credentials, value: str) -> Credentials:
    secret = Secret(auth.secret.source, lambda: value)
    secret.reveal()  # as `send` does before it connects
    return replace(auth, secret=secret)


def nonces(seed: int) -> Callable[[], str]:
    """Return what gives a nonce for each login: the same ones in each drill with this seed (invariant I48)."""
    numbers = count(1)
    return lambda: blake2b(f"{seed}/{next(numbers)}".encode(), digest_size=12).hexdigest()


def strict_hosts(campaign: Campaign) -> frozenset[str]:
    """Return the hosts of the accounts to which mail may not go in clear, whichever account it goes by."""
    accounts = [member.account for member in campaign.members]
    lax = {account.host for account in accounts if not account.security.enforced}
    return frozenset(account.host for account in accounts) - lax


def open_hosts(campaign: Campaign) -> frozenset[str]:
    """Return the hosts to which an account says its name and secret in clear, because its owner wants it so."""
    accounts = [member.account for member in campaign.members]
    return frozenset(account.host for account in accounts if account.auth is not None and account.auth.plaintext)


def secrets_of(campaign: Campaign) -> tuple[str, ...]:
    """Return the secrets of a campaign's accounts, as they are in a drill."""
    auths = [member.account.auth for member in campaign.members if member.account.auth is not None]
    return tuple(dict.fromkeys(auth.secret.reveal() for auth in auths))
