"""Two-dimensional maps of points: t-SNE and UMAP, after principal components where there are many dimensions."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import require_extra

N_COMPONENTS = 50
FEWEST = 5
"""Fewer points make no map."""
N_EXAGGERATED, N_STEPS = 250, 750
"""Steps that t-SNE takes with exaggerated attraction, and in all; a map counts as so many, whatever makes it."""
_EVERY = 10


def check_map(method: str) -> None:
    """Refuse a map whose library is not installed, before any long work."""
    _library(method)


def _library(method: str) -> Any:  # noqa: ANN401 - a module without types
    purpose = "for maps (or --set relate.maps=none)"
    if method == "umap":
        return require_extra("umap", extra="umap", purpose=purpose)
    return require_extra("openTSNE", extra="relate", purpose=purpose)


def principal_components(points: NDArray[np.float32], *, n_components: int = N_COMPONENTS) -> NDArray[np.float32]:
    """Turn points so that the first axes hold most of their variance.

    ``points``: float32, shape (n, D). Finite points.
    Returns: float32, shape (n, min(n_components, D)). Coordinates; of every axis the direction in which its largest
        part is positive.
    """
    centred = points - points.mean(axis=0, dtype=np.float64).astype(np.float32)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, ::-1][:, :n_components]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    turned: NDArray[np.float32] = centred @ axes.astype(np.float32)
    return turned


def lay_out(
    points: NDArray[np.float32],
    method: str,
    *,
    seed: int,
    perplexity: float,
    advance: Callable[[float], None],
) -> NDArray[np.float32]:
    """Lay points out by ``tsne`` or ``umap``.

    ``advance``: Counts :data:`N_STEPS` steps in all; those of UMAP, which does not say how far it is, at the end.
    """
    n_counted = 0.0

    def count(n: float) -> None:
        nonlocal n_counted
        n_counted += n
        advance(n)

    made = (
        umap(points, seed=seed)
        if method == "umap"
        else t_sne(points, seed=seed, perplexity=perplexity, advance=count)
    )
    advance(N_STEPS - n_counted)
    return made


def t_sne(
    points: NDArray[np.float32],
    *,
    seed: int = 0,
    perplexity: float = 30.0,
    advance: Callable[[float], None] | None = None,
) -> NDArray[np.float32]:
    """Lay points out by t-SNE.

    ``points``: float32, shape (n, D). Finite points.
    ``perplexity``: About how many neighbours count; fewer where there are few points.
    ``advance``: Counts steps as they are taken; the map is the same.
    Returns: float32, shape (n, 2). Coordinates; NaN where there are too few points. One thread computes, so that
        the map is the same again.

    Reference: L. van der Maaten, G. Hinton (2008), Visualizing data using t-SNE, JMLR 9; P. Policar et al. (2024),
        openTSNE, Journal of Statistical Software 109.
    """
    library = _library("tsne")
    if len(points) < FEWEST:
        return np.full((len(points), 2), np.nan, dtype=np.float32)
    few = min(perplexity, (len(points) - 1) / 3)
    options = {"perplexity": few, "initialization": "pca", "random_state": seed, "n_jobs": 1}
    options |= {"early_exaggeration_iter": N_EXAGGERATED, "n_iter": N_STEPS - N_EXAGGERATED}
    if advance is not None:
        # what a callback returns says whether to stop
        options |= {"callbacks": lambda *_: bool(advance(_EVERY)), "callbacks_every_iters": _EVERY}
    with warnings.catch_warnings():
        # what its libraries deprecate among themselves
        warnings.simplefilter("ignore")
        made = library.TSNE(**options, negative_gradient_method=_gradient(len(points))).fit(
            principal_components(points)
        )
    return np.asarray(made, dtype=np.float32)


def _gradient(n: int) -> str:
    """Choose the approximation: interpolation pays from some thousand points on."""
    return "fft" if n >= 3000 else "bh"


def umap(points: NDArray[np.float32], *, seed: int = 0, n_neighbours: int = 15) -> NDArray[np.float32]:
    """Lay points out by UMAP.

    ``points``: float32, shape (n, D). Finite points.
    Returns: float32, shape (n, 2). Coordinates; NaN where there are too few points.

    Reference: L. McInnes, J. Healy, J. Melville (2018), UMAP, arXiv 1802.03426.
    """
    library = _library("umap")
    if len(points) < FEWEST:
        return np.full((len(points), 2), np.nan, dtype=np.float32)
    few = min(n_neighbours, len(points) - 1)
    init = "spectral" if len(points) > 50 else "random"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reducer = library.UMAP(n_neighbors=few, random_state=seed, n_jobs=1, init=init)
        made = reducer.fit_transform(principal_components(points))
    return np.asarray(made, dtype=np.float32)
