"""Neurons whose activation hardly changes, as cards and figures ask for them."""

from neurolect.relations.nearly_constant import nearly_constant

__all__ = ["nearly_constant"]
