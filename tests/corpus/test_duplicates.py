import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.corpus.prepare import FirstOccurrences
from tests.reference.first_occurrences import first_occurrences

# Few values in each half, so that keys meet, also in one half only; high bytes in several buckets.
HALVES = st.sampled_from([0, 1, 2**56, 2**56 + 1, 2**64 - 1])


@given(st.lists(st.lists(st.tuples(HALVES, HALVES), max_size=12), max_size=5))
def test_marks_what_the_plain_twin_marks(batches: list[list[tuple[int, int]]]) -> None:
    with TemporaryDirectory() as folder:
        occurrences = FirstOccurrences(Path(folder))
        for batch in batches:
            keys = np.array(batch, dtype=np.uint64).reshape(-1, 2)
            occurrences.update(keys[:, 0], keys[:, 1])
        first = occurrences.to_arrays()
        assert not list(Path(folder).iterdir())
    assert first.tolist() == first_occurrences(key for batch in batches for key in batch)


def test_small_buffers_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["neurolect.corpus.prepare"], "BUFFER_ROWS", 7)
    keys = np.random.default_rng(0).integers(0, 40, size=100).astype(np.uint64) << np.uint64(57)
    occurrences = FirstOccurrences(tmp_path)
    for part in np.split(keys, 20):
        occurrences.update(part, part)
    assert occurrences.to_arrays().tolist() == first_occurrences(keys.tolist())
