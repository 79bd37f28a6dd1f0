"""What comes back later: bounces, delays, receipts, complaints and automatic replies, read out of messages.

`report` the values · `delivery_status` RFC 3464 · `feedback` RFC 5965 · `texts` bounces for people · `reader` which
of them a message is · `sources` files, folders and standard input · `matching` whose recipient a report is about.
"""

from maildrill.sender.bounces.reader import read_message
from maildrill.sender.bounces.report import Kind, Report, Returned

__all__ = ["Kind", "Report", "Returned", "read_message"]
