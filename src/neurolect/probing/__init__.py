"""Find neurons for a concept from labelled activations: probes and rankings."""

from neurolect.probing.probes.fitting import fit_linear, fit_path
from neurolect.probing.probes.forest import Forest, fit_forest
from neurolect.probing.probes.gaussian import GaussianProbe, choose_greedily, fit_gaussian
from neurolect.probing.probes.linear import LinearProbe
from neurolect.probing.probes.options import LinearOptions
from neurolect.probing.probes.saved import open_probe, write_probe
from neurolect.probing.rankings.ranked import table_of
from neurolect.probing.rankings.thresholds import detect

__all__ = [
    "Forest",
    "GaussianProbe",
    "LinearOptions",
    "LinearProbe",
    "choose_greedily",
    "detect",
    "fit_forest",
    "fit_gaussian",
    "fit_linear",
    "fit_path",
    "open_probe",
    "table_of",
    "write_probe",
]
