"""Activations of labelled units: read once, kept in files that any part can be read from."""
