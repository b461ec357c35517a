import numpy as np

from neurolect.corpus.sampling import is_held_out


def test_share_is_about_what_was_asked_for() -> None:
    documents = np.arange(100_000)
    for share in (0.1, 0.5):
        # Five standard deviations of a binomial share.
        assert abs(is_held_out(documents, share=share, seed=0).mean() - share) < 5 * (share / 100_000) ** 0.5


def test_nothing_is_held_out_at_zero() -> None:
    assert not is_held_out(np.arange(1000), share=0.0, seed=3).any()


def test_the_seed_decides_and_the_company_does_not() -> None:
    documents = np.arange(1000)
    chosen = is_held_out(documents, share=0.5, seed=1)
    assert np.array_equal(is_held_out(documents[500:], share=0.5, seed=1), chosen[500:])
    other = is_held_out(documents, share=0.5, seed=2)
    assert 300 < np.count_nonzero(chosen != other) < 700
