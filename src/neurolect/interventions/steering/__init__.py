"""Steering: neurons are set so that a decoder writes of a concept, next to what is simpler."""
