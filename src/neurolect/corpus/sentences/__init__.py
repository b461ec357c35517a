"""Sentences: text normalised, split, cut into words."""
