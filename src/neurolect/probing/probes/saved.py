"""A probe's folder: its arrays as ``probe.safetensors``, all else in ``probe.json``."""

from pathlib import Path
from typing import Any

import numpy as np

from neurolect.errors import ProbingError
from neurolect.folders.atomic import replacing_folder, write_json
from neurolect.folders.formats import PROBE, neurolect_version, read_manifest
from neurolect.probing.probes.linear import Fit, LinearProbe

ARRAYS = ("weights", "biases", "mean", "scale", "columns")
_FILE = "probe.safetensors"


def write_probe(probe: LinearProbe, folder: str | Path, *, rests_on: dict[str, Any] | None = None) -> Path:
    """Write a linear probe to a folder, in place of what is there.

    Parameters
    ----------
    probe : LinearProbe
        A fitted probe.
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
    facts = {
        "format": PROBE.name,
        "schema_version": PROBE.version,
        "neurolect": neurolect_version(),
        "kind": "linear",
        "classes": list(probe.classes),
        "options": probe.options,
        "fit": probe.fit._asdict(),
        "rests_on": dict(rests_on or {}),
    }
    with replacing_folder(folder, error=ProbingError) as temporary:
        save_file({name: np.ascontiguousarray(getattr(probe, name)) for name in ARRAYS}, temporary / _FILE)
        write_json(temporary / PROBE.file, facts)
    return folder


def open_probe(folder: str | Path) -> LinearProbe:
    """Open a probe's folder: the same probe, bit for bit.

    Parameters
    ----------
    folder : str or Path
        From :func:`write_probe`.

    Returns
    -------
    LinearProbe

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
        arrays = load_file(folder / _FILE)
        parts = {name: arrays[name] for name in ARRAYS}
        classes, options, fit = tuple(facts["classes"]), facts["options"], Fit(**facts["fit"])
    except (SafetensorError, OSError, KeyError, TypeError) as error:
        what = f"The probe in {folder} is damaged: {type(error).__name__}: {error}"
        raise ProbingError(what, expected=f"{_FILE} and {PROBE.file} as they were written") from error
    return LinearProbe(**parts, classes=classes, options=options, fit=fit)
