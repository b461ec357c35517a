"""Named sets of options: what ``--preset NAME`` sets; files and single settings win over it."""

from collections.abc import Mapping
from types import MappingProxyType

from neurolect.errors import OptionError, nearest

PRESETS: Mapping[str, Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        "paper": {
            "prepare": {"tokenizer": "@model"},
            "model": {"special_tokens": "include"},
            "collect": {"sides": ("top",), "activation_sample_size": 1000},
            "describe": {
                "sentence_vectors": "plain",
                "typical_by": "euclidean",
                "word_gap": -1,
                "tag_gap": -1,
            },
            "relate": {"encoder_vectors": "first", "group_responses": "raw"},
            "finetune": {"head": "linear", "patience": 0, "keep": "last"},
        },
        "reduced": {
            "protocol": {
                "grid": (0.0, 1e-5, 1e-3, 1e-1),
                "search_units": 5_000,
                "max_solves": 10,
                "max_sets": 8,
                "n_random": 3,
                "cuts": (0.3, 0.5, 0.7),
                "n_resamples": 10,
                "gap": 0.02,
            },
        },
    }
)
"""Name, stage, option: value. ``paper``: as Oba et al. (2021) and the Japanese paper have it, where the default is
another; docs/paper.md has the reasons, and a test compares. ``reduced``: a faster `probing all`."""


def preset(name: str) -> dict[str, dict[str, object]]:
    """Give the options of a preset.

    Examples
    --------
    >>> preset("paper")["model"]
    {'special_tokens': 'include'}
    """
    if name not in PRESETS:
        what = f"There is no preset {name!r}."
        raise OptionError(
            what,
            expected=f"one of {', '.join(PRESETS)}, or the folder of a sparse autoencoder that is there",
            hint=f"The nearest: {nearest(name, PRESETS)}.",
        )
    return {stage: dict(options) for stage, options in PRESETS[name].items()}
