import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurolect.signatures.patterns.inputs import compare_with
from neurolect.signatures.patterns.options import SkipNgramOptions
from neurolect.signatures.patterns.reported import Candidates, rules_of, score_candidates
from neurolect.statistics.scores import log_odds_z
from neurolect.statistics.significance import fisher_surprise


@given(st.integers(0, 30), st.sampled_from(["all", "closed", "maximal"]), st.integers(0, 2**32 - 1))
def test_scores_and_tests_are_those_of_arrays(n: int, keep: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    size, n_background = int(random.integers(1, 40)), int(random.integers(0, 60))
    n_overlap = int(random.integers(0, min(size, n_background) + 1))
    overlap = random.integers(0, n_overlap + 1, n)
    support = overlap + random.integers(0, size - n_overlap + 1, n)
    in_background = overlap + random.integers(0, n_background - n_overlap + 1, n)
    options = SkipNgramOptions(keep=keep, min_z=0.5, word_min_association=1.0, prior_size=20.0)  # type: ignore[arg-type]
    compared = compare_with(
        np.arange(n_background),
        lengths=np.ones(n_background + size, np.int32),
        lists=np.zeros((1, size), np.int32),
        item="word",
        options=options,
        workers=1,
    )
    found = Candidates(
        nodes=np.arange(n, dtype=np.int32),
        length=np.full(n, 2, np.int8),
        place=np.arange(n, dtype=np.int32),
        support=support.astype(np.int32),
        overlap=overlap.astype(np.int32),
        association=random.choice([0.5, 1.0, 2.0], n).astype(np.float32),
        flags=random.integers(0, 4, n).astype(np.uint8),
        n_sentences=size,
        n_overlap=n_overlap,
        truncated=False,
    )
    scores, surprise, ranking = score_candidates(found, in_background, rules_of(compared, longest=size))
    of_arrays = log_odds_z(
        support, size, in_background, n_background, n_overlap=overlap, size_overlap=n_overlap, prior_size=20.0
    )
    np.testing.assert_allclose(scores, of_arrays, rtol=1e-9, atol=1e-12)
    tested = fisher_surprise(support, size, in_background, n_background, n_overlap=overlap, size_overlap=n_overlap)
    np.testing.assert_array_equal(surprise, tested)
    flag = {"all": 3, "closed": 1, "maximal": 2}[keep]
    may = (scores >= 0.5) & (found.association >= 1.0) & ((found.flags & flag > 0) | (keep == "all"))
    best = sorted(np.flatnonzero(may).tolist(), key=lambda each: (-scores[each], -support[each], each))
    assert ranking.tolist() == best
