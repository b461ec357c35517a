"""Whether the lists still change, and when a pass ends."""
