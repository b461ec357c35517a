"""Sentence vectors: typical sentences and senses."""
