"""Words, tags, lemmas and dependency trees of the kept sentences."""
