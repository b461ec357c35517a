"""Find neurons for a concept from labelled activations: probes and rankings."""

from neurolect.probing.probes.fitting import fit_linear, fit_path
from neurolect.probing.probes.linear import LinearProbe
from neurolect.probing.probes.options import LinearOptions
from neurolect.probing.probes.saved import open_probe, write_probe

__all__ = ["LinearOptions", "LinearProbe", "fit_linear", "fit_path", "open_probe", "write_probe"]
