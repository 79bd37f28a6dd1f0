"""The words that replies are sorted into, each with what it means and what a person may do about it. Pure.

Rule: a word says what the trouble is about, not whether it will pass: that is the first digit's business.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Category:
    """A word, what it means, and what to do: sentences without their full stop."""

    name: str
    about: str
    advice: str = ""


OTHER = Category("other", "nothing that any rule knows", "read what the server said; add a rule for it")

#: The words that rules may use, in the order in which they are shown; a rule file may add more.
CATEGORIES: tuple[Category, ...] = (
    Category("unknown-user", "there is no such mailbox", "take the address off the list"),
    Category("bad-address", "the address cannot be one", "correct it in the list"),
    Category("moved", "the recipient has gone elsewhere", "ask for the new address, take the old one off the list"),
    Category("mailbox-full", "the mailbox has no room", "let it be retried; take it off the list if it stays full"),
    Category("mailbox-disabled", "the mailbox is closed or unused", "take the address off the list"),
    Category("greylist", "an unknown sender is told to come back", "nothing: the next attempt passes"),
    Category("rate", "too much in too short a time", "send more slowly: [limits] rate and connections"),
    Category("too-many-recipients", "more recipients than one transaction takes", "nothing: they are sent in parts"),
    Category("reputation", "the sending address or domain is listed, or has a bad name", "ask the list to be removed"),
    Category("sender-identity", "SPF, DKIM, DMARC or reverse DNS does not hold", "set up the sending domain's DNS"),
    Category("sender", "the reverse-path is refused", "use a sender address whose domain exists and accepts mail"),
    Category("relay", "the server does not send on for us", "log in, or use the server that does"),
    Category(
        "authentication", "the server wants a login, or refuses ours", "check the account: maildrill account test"
    ),
    Category("tls", "encryption is wanted, or failed", "set the account's TLS"),
    Category("policy", "the recipient's side does not want it, and says no more", "ask its postmaster"),
    Category("content", "the message looks like spam or carries something harmful", "change the message"),
    Category("format", "the message breaks the rules for messages", "correct its header fields"),
    Category("size", "the message is too large", "make it smaller: link instead of attaching"),
    Category("dns", "the recipient's domain cannot be found, or takes no mail", "correct the domain in the list"),
    Category("network", "the connection failed, timed out or went round in circles", "nothing, unless it stays so"),
    Category("system", "the server has trouble of its own", "nothing, unless it stays so"),
    Category("protocol", "a command was not understood, or out of order", "report it: one of the two sides is wrong"),
    Category("expired", "it was tried for too long", "send again, or take the address off the list"),
    OTHER,
)
