"""The public surface: small, lazy, and what it says it is."""

import subprocess
import sys

import neurolect


def test_every_name_is_importable_and_known() -> None:
    assert neurolect.__all__ == sorted(neurolect.__all__)
    assert len(neurolect.__all__) <= 40
    for name in neurolect.__all__:
        value = getattr(neurolect, name)
        assert callable(value), f"{name} is not a function or class: {value!r}"
        assert callable(getattr(neurolect, name)), f"{name} is shadowed by a module once it is loaded"
        assert value.__module__.startswith("neurolect.")


def test_stages_list_their_names() -> None:
    from neurolect import collector, corpus, fidelity, finding, model, naming, relations, signatures, store, views

    for stage in (corpus, model, collector, store, signatures, fidelity, finding, naming, relations, views):
        for name in stage.__all__:
            first, second = getattr(stage, name), getattr(stage, name)
            assert first is second, f"{stage.__name__}.{name} changes when its module is loaded"


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, neurolect, neurolect.config, neurolect.store, neurolect.finding, neurolect.views;"
        "import neurolect.cli;"
        "heavy = {'torch', 'transformers', 'numba', 'spacy', 'gensim', 'datasets', 'matplotlib', 'scipy'};"
        "heavy &= set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
