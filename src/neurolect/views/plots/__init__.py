"""Figures of relations between neurons, for papers and pages; needs the extra ``relate``."""

from neurolect.views.plots.draw import FIGURES, plot, register_figure, unregister_figure
from neurolect.views.plots.style import Drawn, new_figure

__all__ = ["FIGURES", "Drawn", "new_figure", "plot", "register_figure", "unregister_figure"]
