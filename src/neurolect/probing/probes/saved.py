"""A probe's folder: its arrays as ``probe.safetensors``, all else in ``probe.json``."""

from pathlib import Path
from typing import Any

import numpy as np

from neurolect.errors import ProbingError
from neurolect.folders.atomic import replacing_folder, write_json
from neurolect.folders.formats import PROBE, neurolect_version, read_manifest
from neurolect.folders.sums import sums_of
from neurolect.probing.probes.forest import Trees
from neurolect.probing.probes.gaussian import GaussianProbe
from neurolect.probing.probes.linear import Fit, LinearProbe

Probe = LinearProbe | GaussianProbe | Trees
KINDS: dict[str, tuple[type[Probe], tuple[str, ...]]] = {
    "linear": (LinearProbe, ("weights", "biases", "mean", "scale", "columns")),
    "gaussian": (GaussianProbe, ("means", "covariances", "log_shares", "columns")),
    "forest": (Trees, ("roots", "feature", "threshold", "left", "right", "chances")),
}
"""Kinds of probes and their arrays."""
_FILE = "probe.safetensors"


def write_probe(probe: Probe, folder: str | Path, *, rests_on: dict[str, Any] | None = None) -> Path:
    """Write a probe to a folder, in place of what is there.

    Parameters
    ----------
    probe : LinearProbe, GaussianProbe or Trees
        A fitted probe; of a forest its trees.
    folder : str or Path
        Where to.
    rests_on : dict, optional
        Fingerprints of activations and labels, and what else there is to keep; anything that JSON has.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ProbingError
        If it cannot be written.
    """
    from safetensors.numpy import save_file

    folder = Path(folder)
    kind = next(name for name, (known, _) in KINDS.items() if isinstance(probe, known))
    how = {"options": probe.options, "fit": probe.fit._asdict()} if isinstance(probe, LinearProbe) else {}
    facts: dict[str, Any] = {
        "format": PROBE.name,
        "schema_version": PROBE.version,
        "neurolect": neurolect_version(),
        "kind": kind,
        "classes": list(probe.classes),
        **how,
        "rests_on": dict(rests_on or {}),
    }
    with replacing_folder(folder, error=ProbingError) as temporary:
        save_file({name: np.ascontiguousarray(getattr(probe, name)) for name in KINDS[kind][1]}, temporary / _FILE)
        write_json(temporary / PROBE.file, facts | {"files": {_FILE: sums_of(temporary / _FILE)}})
    return folder


def open_probe(folder: str | Path) -> Probe:
    """Open a probe's folder: the same probe, bit for bit.

    Parameters
    ----------
    folder : str or Path
        From :func:`write_probe`.

    Returns
    -------
    LinearProbe, GaussianProbe or Trees
        By the kind that was written.

    Raises
    ------
    ProbingError
        If there is no probe, or it is damaged.
    FormatVersionError
        If a newer neurolect wrote it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = Path(folder)
    facts = read_manifest(folder, PROBE)
    try:
        made, names = KINDS[facts["kind"]]
        arrays = load_file(folder / _FILE)
        parts: dict[str, Any] = {name: arrays[name] for name in names} | {"classes": tuple(facts["classes"])}
        if made is LinearProbe:
            parts |= {"options": facts["options"], "fit": Fit(**facts["fit"])}
        return made(**parts)
    except (SafetensorError, OSError, KeyError, TypeError) as error:
        what = f"The probe in {folder} is damaged: {type(error).__name__}: {error}"
        raise ProbingError(what, expected=f"{_FILE} and {PROBE.file} as they were written") from error
