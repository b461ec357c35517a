"""Subtrees of the lists."""
