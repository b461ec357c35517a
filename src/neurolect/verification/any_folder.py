"""Verify a folder, whatever it is one of."""

from pathlib import Path

from neurolect.errors import OptionError
from neurolect.folders.formats import (
    ACTIVATIONS,
    COMPARISON,
    CORPUS,
    FORMATS,
    RUN,
    VARIANT,
    format_of,
    read_manifest,
)
from neurolect.folders.remote import fetched, is_url
from neurolect.verification.activations import activations_parts
from neurolect.verification.corpora import corpus_parts
from neurolect.verification.outcome import Verification
from neurolect.verification.runs import run_parts
from neurolect.verification.whole_folders import comparison_parts, variant_parts


def verify(path: str | Path) -> Verification:
    """Check everything that a folder holds: all bytes, all pages, all numbers that refer to something else.

    Parameters
    ----------
    path : str or Path
        A run, corpus, comparison or variant's folder, or a store of activations; of one at a URL a copy is fetched.

    Returns
    -------
    Verification
        The state of every part, and what makes again what is damaged or missing.

    Raises
    ------
    OptionError
        If the folder is none of these.
    NeurolectError
        If its manifest is damaged, or of a newer version: then nothing can be said of the rest.
    """
    folder = fetched(str(path)) if is_url(path) else Path(path)
    kind = format_of(folder)
    if kind is None:
        there = [each for each in FORMATS if (folder / each.file).is_file()]
        for each in there:
            read_manifest(folder, each)  # says what is wrong with it
        what = f"{folder} is no folder of neurolect: it has no manifest."
        raise OptionError(what, expected="a run, corpus, comparison or variant's folder, or a store of activations")
    parts = {
        RUN: run_parts,
        CORPUS: corpus_parts,
        COMPARISON: comparison_parts,
        VARIANT: variant_parts,
        ACTIVATIONS: activations_parts,
    }
    found = parts[kind](folder)
    known = {part.name for part in found} | {kind.file}
    files = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    return Verification(folder, kind.kind, found, [name for name in files if name not in known])
