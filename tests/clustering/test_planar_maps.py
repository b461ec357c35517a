import importlib
from types import ModuleType

import numpy as np
import pytest

from neurolect.clustering.planar_maps import N_STEPS, check_map, lay_out, principal_components, t_sne, umap
from neurolect.errors import MissingExtraError


def clouds() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    random = np.random.default_rng(0)
    middles = random.normal(size=(3, 60)) * 20
    return (middles[np.repeat(np.arange(3), 20)] + random.normal(size=(60, 60))).astype(np.float32)


def test_components_keep_distances_and_come_by_falling_variance() -> None:
    points = clouds()
    turned = principal_components(points, n_components=60)
    assert np.allclose(
        np.linalg.norm(points[:5, None] - points, axis=2),
        np.linalg.norm(turned[:5, None] - turned, axis=2),
        atol=1e-2,
    )
    assert (np.diff(turned.var(axis=0)) <= 1e-2).all()
    assert principal_components(points).shape == (60, 50)


def test_t_sne_keeps_clouds_apart_and_is_the_same_again() -> None:
    xy = t_sne(clouds(), perplexity=5)
    middles = xy.reshape(3, 20, 2).mean(axis=1)
    spread = np.linalg.norm(xy.reshape(3, 20, 2) - middles[:, None], axis=2).max()
    assert min(np.linalg.norm(middles[one] - middles[other]) for one, other in ((0, 1), (0, 2), (1, 2))) > spread
    counted: list[float] = []
    assert np.array_equal(xy, t_sne(clouds(), perplexity=5, advance=counted.append))
    assert len(counted) == 75
    assert sum(counted) == N_STEPS


@pytest.mark.parametrize(("method", "n"), [("tsne", 60), ("tsne", 4), ("umap", 4)])
def test_every_map_counts_as_many_steps(method: str, n: int) -> None:
    pytest.importorskip("umap" if method == "umap" else "openTSNE")
    counted: list[float] = []
    assert lay_out(clouds()[:n], method, seed=0, perplexity=5, advance=counted.append).shape == (n, 2)
    assert sum(counted) == N_STEPS


def test_too_few_points_make_no_map() -> None:
    assert np.isnan(t_sne(clouds()[:4])).all()


@pytest.mark.slow  # it compiles for half a minute
def test_umap_keeps_clouds_apart() -> None:
    pytest.importorskip("umap")
    xy = umap(clouds())
    middles = xy.reshape(3, 20, 2).mean(axis=1)
    spread = np.linalg.norm(xy.reshape(3, 20, 2) - middles[:, None], axis=2).max()
    assert np.linalg.norm(middles[0] - middles[1]) > spread
    assert np.isnan(umap(clouds()[:4])).all()


@pytest.mark.parametrize(("method", "package"), [("tsne", "openTSNE"), ("umap", "umap-learn")])
def test_a_missing_library_is_reported_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, method: str, package: str
) -> None:
    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=rf'(?i)pip install .*"{package}>='):
        check_map(method)
