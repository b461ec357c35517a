import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurolect.variants.training import Epoch, best_epoch, kept_epoch, shuffled_batches


@given(st.lists(st.integers(1, 40), min_size=1, max_size=300), st.integers(1, 9), st.integers(0, 3))
def test_batches_hold_every_text_once(lengths: list[int], size: int, seed: int) -> None:
    sizes = np.array(lengths, dtype=np.int64)
    batches = shuffled_batches(sizes, batch_size=size, random=np.random.default_rng(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert max(map(len, batches)) <= size
    assert len(batches) == -(-len(lengths) // size)


def test_batches_waste_little_and_differ_from_epoch_to_epoch() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(3, 60, size=2000)
    first, second = (shuffled_batches(lengths, batch_size=16, random=random) for _ in range(2))
    padded = sum(len(each) * int(lengths[each].max()) for each in first)
    assert padded < 1.1 * lengths.sum()
    assert {tuple(sorted(each.tolist())) for each in first}.isdisjoint(
        tuple(sorted(each.tolist())) for each in second
    )
    assert [int(lengths[each].max()) for each in first] != sorted(int(lengths[each].max()) for each in first)


def test_the_best_epoch() -> None:
    history = [Epoch(1, 1.0, 0.5, 0.8, 1.0), Epoch(2, 0.9, 0.4, 0.9, 1.0), Epoch(3, 0.8, 0.3, 0.9, 1.0)]
    assert best_epoch(history).number == 3
    assert best_epoch([*history, Epoch(4, 0.1, 0.3, 0.9, 1.0)]).number == 3
    assert best_epoch([*history, Epoch(4, 0.1, 0.9, 0.91, 1.0)]).number == 4
    assert [
        kept_epoch([*history, Epoch(4, 0.1, 0.3, 0.9, 1.0)], keep=each).number for each in ("best", "last")
    ] == [3, 4]
