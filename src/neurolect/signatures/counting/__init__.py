"""Counts of evidence in lists against the background, and names from them."""
