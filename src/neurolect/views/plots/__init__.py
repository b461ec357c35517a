"""Figures of relations between neurons, for papers and pages; needs the extra ``relate``."""

from neurolect.views.plots.draw import FIGURES, plot

__all__ = ["FIGURES", "plot"]
