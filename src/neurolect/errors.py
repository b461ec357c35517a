"""Every error neurolect raises on purpose.

::

    NeurolectError
    |-- CorpusError                 reading, preparing or opening a corpus
    |-- ModelError                  loading a model, finding its neurons, running it
    |   |-- NonFiniteActivationsError
    |   `-- MissingHeadError        a head was asked for that the model's files do not have
    |-- CollectError                the pass over the corpus
    |-- RunFolderError              reading or writing a run folder
    |   `-- FormatVersionError      written by a newer (or unreadably old) neurolect
    |-- DescribeError               annotation and signatures
    |-- VariantError                making a variant of a model
    |-- ProbingError                activations and labels that no probe can be fitted on
    |-- EndpointError               a language model's server that cannot be asked
    |-- NeuronAddressError          no such neuron
    |-- OptionError                 a configuration key or value
    `-- MissingExtraError           a library of an optional extra is not installed

A message says what failed with the values given, what was expected, and after ``Hint:`` what to do.
"""

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType

from neurolect.extras import install_line

__all__ = [
    "CollectError",
    "CorpusError",
    "DescribeError",
    "EndpointError",
    "FormatVersionError",
    "InterruptedRunError",
    "MissingExtraError",
    "MissingHeadError",
    "ModelError",
    "NeurolectError",
    "NeuronAddressError",
    "NonFiniteActivationsError",
    "OptionError",
    "ProbingError",
    "RunFolderError",
    "VariantError",
]


class NeurolectError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    what : str
        What failed, with the values that were given.
    expected : str, optional
        What would have been right.
    hint : str, optional
        What the user can do now.
    """

    def __init__(self, what: str, *, expected: str | None = None, hint: str | None = None) -> None:
        self.what = what
        self.expected = expected
        self.hint = hint
        lines = [what]
        if expected:
            lines.append(f"Expected: {expected}")
        if hint:
            lines.append(f"Hint: {hint}")
        super().__init__("\n".join(lines))


class CorpusError(NeurolectError):
    """A corpus could not be read, prepared or opened."""


class ModelError(NeurolectError):
    """A model could not be loaded, its neurons not found, or its forward pass not run."""


class NonFiniteActivationsError(ModelError):
    """A model returned NaN or infinite activations."""


class MissingHeadError(ModelError):
    """A model's files lack the head that was asked for."""


class CollectError(NeurolectError):
    """The pass over the corpus cannot start or go on."""


class InterruptedRunError(CollectError):
    """The pass was stopped by the user or a scheduler; the same command resumes from the checkpoint."""


class RunFolderError(NeurolectError):
    """A run folder is missing, damaged, incomplete or does not fit the request."""


class FormatVersionError(RunFolderError):
    """A folder was written in a format version that this neurolect does not read."""


class DescribeError(NeurolectError):
    """Sentences could not be annotated, or a signature could not be computed."""


class VariantError(NeurolectError):
    """A variant of a model could not be made."""


class ProbingError(NeurolectError):
    """Activations or labels do not fit a probe or a ranking."""


class EndpointError(NeurolectError):
    """A language model's server is not there, refuses, or answers what is no answer."""


class NeuronAddressError(NeurolectError):
    """No neuron has this address."""


class OptionError(NeurolectError):
    """A configuration key is unknown or its value does not fit."""


class MissingExtraError(NeurolectError, ImportError):
    """A library that belongs to an optional extra is not installed."""


def require_extra(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a library of an optional extra, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        what = f"The library {module!r} is needed {purpose}, and is not installed."
        raise MissingExtraError(what, hint=install_line(extra)) from error


def nearest(name: str, known: Iterable[str], *, n: int = 3) -> str:
    """List the known names most like a wrong one, for an error message.

    Returns: Comma-separated quoted names, nearest first; the first few known ones where none is near.

    Examples
    --------
    >>> nearest("hiden", ["hidden", "mlp", "attn"])
    "'hidden'"
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=n, cutoff=0.5) or names[: max(n, 8)]
    return ", ".join(repr(each) for each in close)
