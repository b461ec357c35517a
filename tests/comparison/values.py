"""Activations of two models that have something to do with each other."""

import numpy as np
from numpy.typing import NDArray

from neurolect.comparison.joint_moments import JointMoments


def related(seed: int, *, n: int = 160, widths: tuple[int, int] = (7, 9)) -> list[NDArray[np.float32]]:
    """Make values of two models that share some causes, shifted and scaled neuron by neuron."""
    random = np.random.default_rng(seed)
    causes = random.normal(size=(n, 4))
    values = []
    for width in widths:
        mixed = causes @ random.normal(size=(4, width)) + random.uniform(0.1, 1.5) * random.normal(size=(n, width))
        values.append((mixed * random.uniform(0.01, 20, width) + random.normal(0, 10, width)).astype(np.float32))
    return values


def moments_of(
    values: list[NDArray[np.float32]], *, cuts: tuple[int, ...] = (), keep_values: bool = False
) -> JointMoments:
    """Take in values, in pieces that end where asked."""
    first = [each[:40] for each in values]
    means, deviations = ([getattr(each, of)(axis=0) for each in first] for of in ("mean", "std"))
    moments = JointMoments(means, deviations, keep_values=keep_values)
    for part in zip(*(np.split(each, list(cuts)) for each in values), strict=True):
        moments.update(part)
    return moments
