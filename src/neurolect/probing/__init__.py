"""Find neurons for a concept from labelled activations: stores of activations, probes and rankings."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.probing.activations.reader import ActivationStore, open_activations
    from neurolect.probing.activations.stage import read_activations
    from neurolect.probing.bench import Bench, planted_bench
    from neurolect.probing.concepts.options import ActivationsOptions
    from neurolect.probing.explanations import explain_neurons
    from neurolect.probing.fit import fit_probe
    from neurolect.probing.formulas import Formula, explain, measure
    from neurolect.probing.judging.stage import Judgement, judge, open_judgement
    from neurolect.probing.methods import rank_activations, ranking_methods, register_method, unregister_method
    from neurolect.probing.named_concepts import bridge
    from neurolect.probing.options import BenchOptions, FormulaOptions, JudgeOptions, ProbeOptions, ProtocolOptions
    from neurolect.probing.probes.fitting import fit_linear, fit_path
    from neurolect.probing.probes.forest import Forest, fit_forest
    from neurolect.probing.probes.gaussian import GaussianProbe, choose_greedily, fit_gaussian
    from neurolect.probing.probes.linear import LinearProbe
    from neurolect.probing.probes.options import LinearOptions
    from neurolect.probing.probes.saved import open_probe, write_probe
    from neurolect.probing.protocol.comparison import compare_probings
    from neurolect.probing.protocol.stage import Probing, open_probing, probe_all
    from neurolect.probing.rankings.ranked import table_of
    from neurolect.probing.rankings.thresholds import detect
    from neurolect.probing.transfer.features import Features
    from neurolect.probing.transfer.options import TransferOptions
    from neurolect.probing.transfer.stage import Transferred, load_features, open_features, select_features

__all__ = [
    "ActivationStore",
    "ActivationsOptions",
    "Bench",
    "BenchOptions",
    "Features",
    "Forest",
    "Formula",
    "FormulaOptions",
    "GaussianProbe",
    "JudgeOptions",
    "Judgement",
    "LinearOptions",
    "LinearProbe",
    "ProbeOptions",
    "Probing",
    "ProtocolOptions",
    "TransferOptions",
    "Transferred",
    "bridge",
    "choose_greedily",
    "compare_probings",
    "detect",
    "explain",
    "explain_neurons",
    "fit_forest",
    "fit_gaussian",
    "fit_linear",
    "fit_path",
    "fit_probe",
    "judge",
    "load_features",
    "measure",
    "open_activations",
    "open_features",
    "open_judgement",
    "open_probe",
    "open_probing",
    "planted_bench",
    "probe_all",
    "rank_activations",
    "ranking_methods",
    "read_activations",
    "register_method",
    "select_features",
    "table_of",
    "unregister_method",
    "write_probe",
]

_HOMES = {
    "ActivationStore": "activations.reader",
    "ActivationsOptions": "concepts.options",
    "Bench": "bench",
    "BenchOptions": "options",
    "Features": "transfer.features",
    "Forest": "probes.forest",
    "Formula": "formulas",
    "FormulaOptions": "options",
    "GaussianProbe": "probes.gaussian",
    "JudgeOptions": "options",
    "Judgement": "judging.stage",
    "LinearOptions": "probes.options",
    "LinearProbe": "probes.linear",
    "ProbeOptions": "options",
    "Probing": "protocol.stage",
    "ProtocolOptions": "options",
    "TransferOptions": "transfer.options",
    "Transferred": "transfer.stage",
    "bridge": "named_concepts",
    "choose_greedily": "probes.gaussian",
    "compare_probings": "protocol.comparison",
    "detect": "rankings.thresholds",
    "explain": "formulas",
    "explain_neurons": "explanations",
    "fit_forest": "probes.forest",
    "fit_gaussian": "probes.gaussian",
    "fit_linear": "probes.fitting",
    "fit_path": "probes.fitting",
    "fit_probe": "fit",
    "judge": "judging.stage",
    "load_features": "transfer.stage",
    "measure": "formulas",
    "open_activations": "activations.reader",
    "open_features": "transfer.stage",
    "open_judgement": "judging.stage",
    "open_probe": "probes.saved",
    "open_probing": "protocol.stage",
    "planted_bench": "bench",
    "probe_all": "protocol.stage",
    "rank_activations": "methods",
    "ranking_methods": "methods",
    "read_activations": "activations.stage",
    "register_method": "methods",
    "select_features": "transfer.stage",
    "table_of": "rankings.ranked",
    "unregister_method": "methods",
    "write_probe": "probes.saved",
}


def __getattr__(name: str) -> object:
    """Load what is asked for: torch takes seconds to import."""
    if name in _HOMES:
        return getattr(import_module(f"neurolect.probing.{_HOMES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
