"""Metadata values that say that there is nothing to say."""

SAYS_NOTHING = frozenset({"", "neutral", "none", "null", "unknown", "other", "no", "false", "n/a", "uncategorized"})
"""In lower case. They are counted like any other value, but are never a theme: no name, no line of a card."""
