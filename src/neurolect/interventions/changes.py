"""What an edit changes: addresses and how each is changed, read once and checked against the network.

Dims: a change concerns C columns of one site and layer; its values are one number or C of them.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import NeuronAddressError, OptionError, nearest
from neurolect.model.options import LATENT, SITES
from neurolect.results.table import provenance, read_ranking

MODES = {
    "set": 1,
    "add": 1,
    "scale": 1,
    "clamp_active": 1,
    "clamp_everywhere": 1,
    "mean": 0,
    "resample": 0,
    "patch": 1,
    "direction": 3,
}
"""Names of the modes, and how many values follow each."""
TO = ("mean", "zero", "resample")
"""What neurons are set to when it is measured what they do."""
ALONG = ("set", "add", "scale")
"""What can be done to the coefficient of a direction."""
_ADDRESS = re.compile(r"(latent\.[\w-]+|(?:decoder\.)?\w+)\.(\d+)(?:\.(\d+)(?:-(\d+))?)?", re.ASCII)

Change = float | str | Sequence[Any]
"""A number (set to it), the name of a mode, or a tuple that begins with one."""


class Column(NamedTuple):
    """Neurons of one site and layer that are changed alike."""

    site: str
    layer: int
    columns: NDArray[np.int64] | None
    """Which of its neurons, shape (C,); None for all."""
    mode: str
    values: tuple[Any, ...]
    """What follows the mode: numbers, arrays, a text."""
    address: str
    """As it was given."""


def first_of_ranking(ranking: pa.Table | str | Path, n: int, *, change: Change = 0.0) -> dict[str, Change]:
    """Give the first neurons of a ranking one change each, for :func:`edit`.

    Parameters
    ----------
    ranking : pyarrow.Table, str or Path
        From :func:`neurolect.rank`, :func:`ablate` or a probe; or its Parquet file.
    n : int, >= 1
        How many neurons.
    change : float, str or tuple
        What is done to each of them, as :func:`edit` takes it.

    Returns
    -------
    dict of str to change
        By address, in the order of the ranking; a neuron that it names twice counts once.

    Raises
    ------
    OptionError
        If the table is no ranking, or has fewer neurons.
    RunFolderError
        If the file cannot be read.

    Examples
    --------
    >>> with edit(model, first_of_ranking("lca.parquet", 10)) as report:  # doctest: +SKIP
    ...     model.network.generate(**inputs)
    """
    return dict.fromkeys(addresses_of_ranking(ranking, n), change)


def addresses_of_ranking(ranking: pa.Table | str | Path, n: int, *, last: bool = False) -> list[str]:
    """Give the first or last neurons of a ranking, each once, in its order."""
    table = ranking if isinstance(ranking, pa.Table) else read_ranking(ranking)
    provenance(table)
    ranked = list(dict.fromkeys(table.column("address").to_pylist()))
    if not 0 < n <= len(ranked):
        what = f"The first {n:,} of a ranking of {len(ranked):,} neurons were asked for."
        raise OptionError(what, expected=f"from 1 to {len(ranked):,}")
    return ranked[-n:] if last else ranked[:n]


def read_changes(changes: Any) -> list[Column]:  # noqa: ANN401 - what a user gives
    """Read addresses (``mlp.15.200``, ``mlp.15.0-9``, ``mlp.15``) and changes; in the order given."""
    if not isinstance(changes, Mapping):
        what = f"The changes are a {type(changes).__name__}: {changes!r}."
        raise OptionError(
            what, expected='a mapping of addresses, e.g. {"mlp.15.200": 0.0, "hidden.6.3": ("add", 4.0)}'
        )
    return [
        Column(*read_address(address), *read_change(address, change), address)
        for address, change in changes.items()
    ]


def read_address(address: str) -> tuple[str, int, NDArray[np.int64] | None]:
    """Read site, layer and neurons of an address."""
    found = _ADDRESS.fullmatch(str(address))
    if not found:
        what = f"{address!r} is not the address of a neuron or a layer."
        raise NeuronAddressError(
            what,
            expected="site.layer.index, site.layer.first-last or site.layer, without spaces",
            hint="e.g. mlp.15.200, mlp.15.0-9 or mlp.15",
        )
    site, layer, first, last = found.groups()
    if (site not in SITES and not site.startswith(f"{LATENT}.")) or site == LATENT:
        what = f"There is no site {site!r} in {address!r}."
        raise NeuronAddressError(
            what, expected=f"one of {', '.join(SITES)}", hint=f"The nearest: {nearest(site, SITES)}."
        )
    if first is None:
        return site, int(layer), None
    stop = int(last or first) + 1
    if stop <= int(first):
        what = f"{address!r} ends before it begins."
        raise NeuronAddressError(what, expected="site.layer.first-last")
    return site, int(layer), np.arange(int(first), stop)


def read_change(address: str, change: Change) -> tuple[str, tuple[Any, ...]]:
    """Read the mode and what follows it."""
    if isinstance(change, int | float | np.number) and not isinstance(change, bool):
        return "set", (_finite(address, change),)
    words = (change,) if isinstance(change, str) else tuple(change) if isinstance(change, tuple | list) else ()
    if words and not isinstance(words[0], str):
        words = ("set", words)
    mode = words[0] if words and isinstance(words[0], str) else None
    if words == ("zero",):
        return "set", (0.0,)
    if mode not in MODES:
        what = f"The change of {address} is {change!r}."
        near = f"The nearest: {nearest(mode, [*MODES, 'zero'])}." if mode else None
        expected = f"a number, zero, or one of {', '.join(MODES)} with its values"
        raise OptionError(what, expected=expected, hint=near)
    values = tuple(words[1:])
    if len(values) != MODES[mode]:
        what = f"The change {mode!r} of {address} has {len(values)} values."
        raise OptionError(what, expected=f"{MODES[mode]}: {EXAMPLES[mode]}")
    if mode == "patch":
        if not isinstance(values[0], str) or not values[0].strip():
            what = f"{address} is to be patched from {values[0]!r}."
            raise OptionError(what, expected="a sentence")
        return mode, values
    if mode == "direction":
        vector, along, value = values
        if along not in ALONG:
            what = f"The coefficient along the direction in {address} is to be changed by {along!r}."
            raise OptionError(what, expected=f"one of {', '.join(ALONG)}")
        return mode, (_unit(address, vector), along, _finite(address, value))
    return mode, tuple(_numbers(address, value) for value in values)


EXAMPLES = {
    "set": '("set", 0.0)',
    "add": '("add", 4.0)',
    "scale": '("scale", 2.0)',
    "clamp_active": '("clamp_active", 5.0): set to it where the neuron is above 0',
    "clamp_everywhere": '("clamp_everywhere", 5.0): set to it at every position',
    "mean": '"mean": of the reference texts',
    "resample": '"resample": values of the reference texts',
    "patch": '("patch", "Another sentence.")',
    "direction": '("direction", vector, "set", 0.0): of the coefficient along it',
}
"""How each is written."""


def _finite(address: str, value: object) -> float:
    number = float(value) if isinstance(value, int | float | np.number) and not isinstance(value, bool) else np.nan
    if not np.isfinite(number):
        what = f"{address} is to be changed by {value!r}."
        raise OptionError(what, expected="a finite number")
    return number


def _numbers(address: str, value: object) -> float | NDArray[np.float32]:
    """Check a number, or one for each neuron."""
    if isinstance(value, int | float | np.number):
        return _finite(address, value)
    array = np.asarray(value, dtype=np.float32)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        n_odd = int((~np.isfinite(array)).sum())
        what = f"{address} is to be changed by values of shape {array.shape}, {n_odd} of them not finite."
        raise OptionError(what, expected="one finite number, or one for each neuron")
    return array


def _unit(address: str, vector: object) -> NDArray[np.float32]:
    array = _numbers(address, vector)
    length = float(np.linalg.norm(array)) if isinstance(array, np.ndarray) else 0.0
    if not length:
        what = f"The direction in {address} is {vector!r}."
        raise OptionError(what, expected="a vector of the layer's width, not all zero")
    return np.asarray(array / length, dtype=np.float32)
