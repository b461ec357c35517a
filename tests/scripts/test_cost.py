"""The cost model: near what was measured, growing as it must."""

import dataclasses
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect.collector.lists.moments import Moments, choose_bins
from neurolect.collector.lists.sample import SampleActivations
from neurolect.collector.state import CollectState, Plan
from neurolect.errors import OptionError

SCRIPT = spec_from_file_location("cost_of_a_pass", Path(__file__).parents[2] / "scripts" / "cost_of_a_pass.py")
assert SCRIPT is not None
assert SCRIPT.loader is not None
script: Any = module_from_spec(SCRIPT)
sys.modules[SCRIPT.name] = script
SCRIPT.loader.exec_module(script)
PassSize, Rates, cost_of = script.PassSize, script.Rates, script.cost_of

MEASURED = PassSize(n_sentences=2_000_000, list_size=10_000)


def test_it_is_near_what_was_measured_on_one_gpu() -> None:
    cost = cost_of(MEASURED)
    assert cost.read_seconds == pytest.approx(2_000_000 / 79_100)
    assert 5 < cost.gpu_gib < 8, "6.1 GiB were allocated, 7.5 reserved"
    assert cost.write_seconds == pytest.approx(14, rel=0.2)
    assert cost.merge_seconds == cost.moved_gib == 0


def test_more_workers_share_the_reading_and_merge_in_a_tree() -> None:
    one, many = (
        cost_of(PassSize(n_sentences=10**9, list_size=10_000, n_workers=n, n_layers=24, width=1024))
        for n in (1, 64)
    )
    assert many.read_seconds == pytest.approx(one.read_seconds / 64)
    assert many.moved_gib == pytest.approx(63 * many.state_gib)
    assert many.gpu_gib == one.gpu_gib
    assert one.read_seconds == pytest.approx(10**9 / 79_100 * 2 * (1024 / 768) ** 2)
    seven = cost_of(PassSize(n_sentences=10**9, list_size=10_000, n_workers=7))
    eight = cost_of(PassSize(n_sentences=10**9, list_size=10_000, n_workers=8))
    assert seven.merge_seconds == eight.merge_seconds


def test_a_state_has_the_size_that_is_said() -> None:
    plan = Plan(64, 500, ("top", "bottom"), with_tokens=False, fields=())
    values = np.random.default_rng(0).normal(size=(1200, 64)).astype(np.float32)
    moments = Moments(np.zeros(64), bins=choose_bins(values, n_bins=64))
    state = CollectState(plan, moments=moments, sample=SampleActivations(np.arange(300), 64))
    state.update(values, sentence_ids=np.arange(1200))
    size = PassSize(n_sentences=1200, n_layers=1, width=64, list_size=500, activation_sample_size=300)
    words = 25e6
    said = cost_of(size).state_gib * 2**30 - words
    assert sum(array.nbytes for array in state.to_arrays().values()) == pytest.approx(said, rel=0.1)


@pytest.mark.parametrize("name", ["n_sentences", "n_layers", "width", "list_size", "n_workers", "n_sides"])
def test_sizes_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match=rf"{name} is 0"):
        dataclasses.replace(MEASURED, **{name: 0})


def test_own_rates_take_the_place_of_the_measured() -> None:
    assert cost_of(MEASURED, Rates(sentences_per_second=100.0)).read_seconds == pytest.approx(20_000)
