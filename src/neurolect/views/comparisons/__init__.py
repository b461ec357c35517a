"""Texts and pictures of a comparison of models."""
