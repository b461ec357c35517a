"""From values at a sentence's tokens to one activation."""
