"""Read what every neuron of a language model reads.

>>> import neurolect
>>> corpus = neurolect.prepare(["news.jsonl"], out="corpus")  # doctest: +SKIP
>>> model = neurolect.load_model("minilm")  # doctest: +SKIP
>>> run = neurolect.collect(model, corpus, out="run")  # doctest: +SKIP
>>> run = neurolect.describe(run)  # doctest: +SKIP
>>> run.neuron("hidden.6.200").list("top").to_pylist()  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurolect.collector import CollectOptions, collect, merge
    from neurolect.comparison import CompareOptions, compare, open_comparison
    from neurolect.config import RunConfig, load_config
    from neurolect.corpus import Corpus, PrepareOptions, open_corpus, prepare
    from neurolect.errors import NeurolectError
    from neurolect.explorer import write_report
    from neurolect.fidelity import FidelityOptions, score_fidelity, stability
    from neurolect.finding import find
    from neurolect.interventions import edit
    from neurolect.model import Model, ModelOptions, load_model
    from neurolect.pipeline import describe_and_score, run
    from neurolect.relations import RelateOptions, relate
    from neurolect.results import rank
    from neurolect.signatures import DescribeOptions, describe
    from neurolect.store import Neuron, Run, open_run
    from neurolect.tokens import read_tokens
    from neurolect.variants import FinetuneOptions, variant
    from neurolect.verification import verify
    from neurolect.views import card, card_text, convergence, plot

__all__ = [
    "CollectOptions",
    "CompareOptions",
    "Corpus",
    "DescribeOptions",
    "FidelityOptions",
    "FinetuneOptions",
    "Model",
    "ModelOptions",
    "NeurolectError",
    "Neuron",
    "PrepareOptions",
    "RelateOptions",
    "Run",
    "RunConfig",
    "card",
    "card_text",
    "collect",
    "compare",
    "convergence",
    "describe",
    "describe_and_score",
    "edit",
    "find",
    "load_config",
    "load_model",
    "merge",
    "open_comparison",
    "open_corpus",
    "open_run",
    "plot",
    "prepare",
    "rank",
    "read_tokens",
    "relate",
    "run",
    "score_fidelity",
    "stability",
    "variant",
    "verify",
    "write_report",
]

_HOMES = {
    "CollectOptions": "collector",
    "CompareOptions": "comparison",
    "Corpus": "corpus",
    "DescribeOptions": "signatures",
    "FidelityOptions": "fidelity",
    "FinetuneOptions": "variants",
    "Model": "model",
    "ModelOptions": "model",
    "NeurolectError": "errors",
    "Neuron": "store",
    "PrepareOptions": "corpus",
    "RelateOptions": "relations",
    "Run": "store",
    "RunConfig": "config",
    "card": "views",
    "card_text": "views",
    "collect": "collector",
    "compare": "comparison",
    "convergence": "views",
    "describe": "signatures",
    "describe_and_score": "pipeline",
    "edit": "interventions",
    "find": "finding",
    "load_config": "config",
    "load_model": "model",
    "merge": "collector",
    "open_comparison": "comparison",
    "open_corpus": "corpus",
    "open_run": "store",
    "plot": "views",
    "prepare": "corpus",
    "rank": "results",
    "read_tokens": "tokens",
    "relate": "relations",
    "run": "pipeline",
    "score_fidelity": "fidelity",
    "stability": "fidelity",
    "variant": "variants",
    "verify": "verification",
    "write_report": "explorer",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the module protocol
    """Load a public name's stage when the name is first used; importing the package loads nothing."""
    if name == "__version__":
        from neurolect.folders.formats import neurolect_version

        return neurolect_version()
    if name in _HOMES:
        return getattr(import_module(f"neurolect.{_HOMES[name]}"), name)
    msg = f"module 'neurolect' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
