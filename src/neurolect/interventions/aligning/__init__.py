"""Phrases that neurons are aligned with: repeated to a text of mean length, they activate the neuron most."""
