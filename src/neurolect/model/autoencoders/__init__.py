"""Sparse autoencoders: read from their published formats, applied to states."""
