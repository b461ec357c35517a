"""Probes: models fitted on labels, from activations to a concept."""
