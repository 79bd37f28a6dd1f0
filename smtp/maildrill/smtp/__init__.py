"""The words of SMTP that all of maildrill speaks: reply, stage, envelope, transcript, errors.

Pure: nothing here waits, reads a clock or opens a socket.
"""

from maildrill.smtp.clock import Clock, timestamp
from maildrill.smtp.codes import CODES, Code, meaning
from maildrill.smtp.envelope import Envelope, domain_of
from maildrill.smtp.errors import ConfigurationError, MaildrillError, did_you_mean
from maildrill.smtp.mark import Mark
from maildrill.smtp.reply import EnhancedStatus, Reply
from maildrill.smtp.reply_parser import ReplyParser
from maildrill.smtp.stage import Stage
from maildrill.smtp.text import decode, escape, has_bare_newline, without_credentials
from maildrill.smtp.transcript import Line, OnSaid, Said, Scribe, Transcript

__all__ = [
    "CODES",
    "Clock",
    "Code",
    "ConfigurationError",
    "EnhancedStatus",
    "Envelope",
    "Line",
    "MaildrillError",
    "Mark",
    "OnSaid",
    "Reply",
    "ReplyParser",
    "Said",
    "Scribe",
    "Stage",
    "Transcript",
    "decode",
    "did_you_mean",
    "domain_of",
    "escape",
    "has_bare_newline",
    "meaning",
    "timestamp",
    "without_credentials",
]
