"""Scores, tests, divergences and ranking metrics: arrays in, arrays out."""
