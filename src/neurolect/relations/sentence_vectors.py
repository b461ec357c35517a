"""The sentence vectors that neuron vectors are means of: those of describe, or a sentence encoder's."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import DescribeError, OptionError
from neurolect.progress import Progress
from neurolect.signatures import DescribeOptions
from neurolect.signatures.annotate import Annotations
from neurolect.signatures.coding import code_sentences
from neurolect.signatures.vectors import read_vectors, sentence_vectors, train_vectors, unit_rows
from neurolect.store import Run


def word_sentence_vectors(run: Run, *, progress: Progress) -> NDArray[np.float32]:
    """Make the sentence vectors that describe found typical sentences with.

    Returns: float32, shape (n_sentences, D). Unit vectors in the order of ``sentences.parquet``; zeros for a
        sentence without one.
    """
    options = _describe_options(run)
    words = run.table("annotations", columns=["words"]).column("words").combine_chunks()
    coded = code_sentences(Annotations(words=words, tags=pa.nulls(len(words), words.type)))
    path = run.folder / "signatures" / "word_vectors.npy"
    if path.is_file():
        vectors = np.load(path, allow_pickle=False)
        if len(vectors) == len(coded.vocabulary):
            return sentence_vectors(coded, vectors)
    # a run that an earlier version described: training again from the same words gives the same vectors
    progress.message("The word vectors are not in the run folder: made again.")
    if options.vectors == "train":
        return sentence_vectors(coded, train_vectors(coded, options=options))
    return sentence_vectors(coded, read_vectors(Path(options.vectors), coded=coded))


def check_sentence_vectors(run: Run, *, encoder_vectors: str) -> None:
    """Refuse what no vectors can be had from, before anything of the run is touched."""
    _describe_options(run)
    if encoder_vectors != "none":
        n = run.table("sentences", columns=["sentence_id"]).num_rows
        encoder_sentence_vectors(Path(encoder_vectors), n_sentences=n)


def _describe_options(run: Run) -> DescribeOptions:
    options = DescribeOptions(**run.manifest["options"]["describe"])
    if options.vectors == "none":
        what = f"The run {run.folder} was described without word vectors, which neurons are compared by."
        raise DescribeError(what, hint=f"neurolect describe {run.folder} --set describe.vectors=train")
    return options


def encoder_sentence_vectors(path: Path, *, n_sentences: int) -> NDArray[np.float32]:
    """Read sentence vectors that an encoder gave.

    ``path``: A ``.npy`` file, shape (n_sentences, D).
    Returns: float32, shape (n_sentences, D). Of unit length, less the mean over all.
    """
    expected = f"a .npy file of {n_sentences:,} rows, one for each row of sentences.parquet"
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        what = f"relate.encoder_vectors: {path} cannot be read ({error})."
        raise OptionError(what, expected=expected) from error
    if array.ndim != 2 or len(array) != n_sentences or array.dtype.kind != "f":
        what = f"relate.encoder_vectors: {path} has the shape {array.shape} and the type {array.dtype}."
        raise OptionError(what, expected=expected)
    vectors: NDArray[np.float32] = array.astype(np.float32)
    if not np.isfinite(vectors).all():
        what = f"relate.encoder_vectors: {path} has numbers that are not finite."
        raise OptionError(what, expected="zeros for a sentence without a vector")
    # to unit length, then off the mean and to unit length again, as vectors of words are
    vectors = unit_rows(vectors)
    has = np.asarray(vectors.any(axis=1))
    if has.any():
        vectors[has] -= vectors[has].mean(axis=0, dtype=np.float64).astype(np.float32)
    return unit_rows(vectors)
