"""Trials of the ways to run a network: a way is taken only where it gives the same activations, and the choice."""
