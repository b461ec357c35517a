"""Move neurons from what they are at words of one class to what they are at words of another."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from neurolect.errors import OptionError
from neurolect.interventions.changes import Change, addresses_of_ranking
from neurolect.probing.activations.reader import ActivationStore, open_activations
from neurolect.probing.class_moments import class_moments
from neurolect.probing.samples import class_code

LEAST = 1e-3
"""Factor of the last neuron."""


def translation(
    activations: ActivationStore | str | Path,
    ranking: pa.Table | str | Path,
    n: int,
    *,
    source: str,
    target: str,
    strength: float = 8.0,
) -> dict[str, Change]:
    """Give the changes that move the first neurons of a ranking from one class to another, for :func:`edit`.

    To each neuron the difference of its means at words of the two classes is added, times a factor that falls
    log-evenly from `strength` at the first neuron to 0.001 at the last.

    Parameters
    ----------
    activations : ActivationStore, str or Path
        Of words or sentences, from :func:`neurolect.probing.read_activations`; means are of its training part.
    ranking : pyarrow.Table, str or Path
        Of its neurons.
    n : int, >= 1
        How many of the first neurons.
    source, target : str
        Two of its classes, not the same.
    strength : float, > 0
        Factor of the first neuron; 1 moves it by the difference itself.

    Returns
    -------
    dict of str to change
        By address, in the order of the ranking.

    Raises
    ------
    OptionError
        If there is no such class or neuron, units are pairs of words, or the ranking has fewer neurons.

    References
    ----------
    O. Antverg, Y. Belinkov (2022), On the pitfalls of analyzing individual neurons in language models, ICLR.

    Examples
    --------
    >>> changes = translation("acts", "lca.parquet", 50, source="plural", target="singular")  # doctest: +SKIP
    >>> with edit(model, changes, positions="match=dogs") as report:  # doctest: +SKIP
    ...     model.network(**inputs)
    """
    store = activations if isinstance(activations, ActivationStore) else open_activations(activations)
    if store.n_parts > 1 or not store.classes:
        what = "The units are pairs of words." if store.n_parts > 1 else "The labels are numbers."
        raise OptionError(what, expected="words or sentences of classes")
    if not 0 < strength < np.inf:
        what = f"The strength of a translation is {strength}."
        raise OptionError(what, expected="a finite number above 0")
    if source == target:
        what = f"Neurons are to be moved from {source!r} to itself."
        raise OptionError(what, expected="two classes")
    codes = [class_code(store.classes, each) for each in (source, target)]
    places = {address: place for place, address in enumerate(store.addresses)}
    chosen = addresses_of_ranking(ranking, n)
    if unknown := [each for each in chosen if each not in places]:
        what = f"The activations have no neuron {unknown[0]} ({len(unknown):,} of {n:,} are missing)."
        raise OptionError(what, expected="a ranking of the neurons of the activations")
    moments = class_moments(store, store.labels, store.rows_of("train"), n_classes=len(store.classes))
    away_N = moments.mean_KN[codes[1]] - moments.mean_KN[codes[0]]
    factors = np.geomspace(strength, min(LEAST, strength), n) if n > 1 else np.array([strength])
    return {
        address: ("add", float(factor * away_N[places[address]]))
        for address, factor in zip(chosen, factors, strict=True)
    }
