"""Verify a folder, whatever it is one of."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from neurolect.errors import OptionError
from neurolect.folders.formats import (
    ACTIVATIONS,
    COMPARISON,
    CORPUS,
    FEATURES,
    FORMATS,
    JUDGEMENT,
    PROBE,
    PROTOCOL,
    RUN,
    VARIANT,
    FolderFormat,
    format_of,
    read_manifest,
)
from neurolect.folders.remote import fetched, is_url
from neurolect.verification.activations import activations_parts
from neurolect.verification.corpora import corpus_parts
from neurolect.verification.outcome import Part, Verification
from neurolect.verification.runs import run_parts
from neurolect.verification.whole_folders import comparison_parts, recorded_parts, variant_parts


def verify(path: str | Path) -> Verification:
    """Check everything that a folder holds: all bytes, all pages, all numbers that refer to something else.

    Parameters
    ----------
    path : str or Path
        A run, corpus, comparison, variant's, probe's, judge's or protocol's folder, a folder of features, or a
        store of activations; one at a URL is fetched.

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
        raise OptionError(what, expected=" or ".join(sorted(each.kind for each in FORMATS)))
    parts: dict[FolderFormat, Callable[[Path], list[Part]]] = {
        RUN: run_parts,
        CORPUS: corpus_parts,
        COMPARISON: comparison_parts,
        VARIANT: variant_parts,
        ACTIVATIONS: activations_parts,
    }
    parts |= {each: partial(recorded_parts, kind=each) for each in (PROBE, JUDGEMENT, PROTOCOL, FEATURES)}
    found = parts[kind](folder)
    known = {part.name for part in found} | {kind.file}
    files = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    return Verification(folder, kind.kind, found, [name for name in files if name not in known])
