"""Answers that need the model: what its neurons do with a typed sentence, and what setting one changes."""
