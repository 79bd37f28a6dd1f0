"""Mail merge: templates with `[Column]` tags, and the check that every tag can be filled before anything is sent."""

from maildrill.sender.merge.preflight import preflight
from maildrill.sender.merge.template import Tag, Template

__all__ = ["Tag", "Template", "preflight"]
