"""What the steps of the relate stage read, each thing once and only when it is needed."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.clustering.nearest import Nearest, strongest_of_block
from neurolect.errors import DescribeError, OptionError
from neurolect.progress import Progress
from neurolect.relations.options import OWN_VECTORS, RelateOptions
from neurolect.results.list_entries import ListEntries, read_list_entries
from neurolect.signatures import DescribeOptions
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import code_sentences
from neurolect.signatures.vectors.files import read_vectors
from neurolect.signatures.vectors.typical_sentences import unit_rows
from neurolect.signatures.vectors.word_vectors import plain_sentence_vectors, sentence_vectors, train_vectors
from neurolect.store import Run
from neurolect.store.stages import recorded_options
from neurolect.visible import quoted

# How alike neurons respond to the same sentences: correlations over the sample, a block of neurons at a time.
#
# Dims: n neurons, M sentences of the sample.
BLOCK_BYTES = 128 * 1024**2


class Responses(NamedTuple):
    """What the correlations of all pairs of neurons come to."""

    nearest: Nearest
    """By absolute correlation, shape (n, k); values keep their sign."""
    twin_in_layer: NDArray[np.int32]
    """The most alike neuron of the same site and layer, shape (n,); -1 for none."""
    correlation_in_layer: NDArray[np.float32]
    """Its correlation, with sign, shape (n,)."""
    distances: NDArray[np.float32] | None
    """1 - absolute correlation of all pairs above the diagonal, row by row, shape (n (n - 1) / 2,), or None."""


def finite_sentences(activations_nM: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say on which sentences all neurons can be compared.

    ``activations_nM``: float32, shape (n, M). Activations of each neuron on the sample; NaN at a layer that a
        sentence overflowed in.
    Returns: bool, shape (M,). False where some neuron has no finite activation; neurons that have none at all do
        not count.
    """
    missing = np.zeros(activations_nM.shape[1], dtype=bool)
    for first in range(0, len(activations_nM), 1024):
        bad = ~np.isfinite(activations_nM[first : first + 1024])
        missing |= bad[~bad.all(axis=1)].any(axis=0)
    return ~missing


def standardised(activations_nM: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring every neuron's responses to mean 0 and length 1.

    ``activations_nM``: float32, shape (n, M). Activations of each neuron on the sample.
    Returns: float32, shape (n, M). The product of two rows is their correlation. Zeros for a neuron that is
        constant or not finite.
    """
    unit = np.zeros(activations_nM.shape, dtype=np.float32)
    for first in range(0, len(unit), 1024):
        rows = activations_nM[first : first + 1024].astype(np.float64)
        finite = np.isfinite(rows).all(axis=1)
        rows[~finite] = 0.0
        scale = np.abs(rows).max(axis=1, initial=0.0)
        rows -= rows.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(rows, axis=1)
        varies = lengths > 1e-6 * scale
        unit[first : first + 1024][varies] = rows[varies] / lengths[varies, None]
    return unit


def compare_responses(
    unit_nM: NDArray[np.float32],
    groups: NDArray[np.int32],
    *,
    k: int,
    with_distances: bool = False,
    advance: Callable[[float], None] | None = None,
) -> Responses:
    """Correlate all pairs of neurons.

    ``unit_nM``: float32, shape (n, M). From :func:`standardised`.
    ``groups``: int32, shape (n,). Site and layer of each neuron, as a number.
    ``with_distances``: Also keep the distances of all pairs, four bytes each: 2.7 GB for 36,864 neurons.
    """
    n = len(unit_nM)
    ids, values = np.full((n, k), -1, dtype=np.int32), np.zeros((n, k), dtype=np.float32)
    twin, correlation = np.full(n, -1, dtype=np.int32), np.zeros(n, dtype=np.float32)
    distances = np.empty(n * (n - 1) // 2, dtype=np.float32) if with_distances else None
    at = 0
    step = max(1, BLOCK_BYTES // (4 * max(n, 1)))
    for first in range(0, n, step):
        block = unit_nM[first : first + step] @ unit_nM.T
        strongest_of_block(block, first, groups, ids, values, twin, correlation)
        if distances is not None:
            for here, row in enumerate(block):
                after = row[first + here + 1 :]
                distances[at : at + len(after)] = after
                at += len(after)
        if advance is not None:
            advance(len(block))
    np.clip(values, -1.0, 1.0, out=values)
    np.clip(correlation, -1.0, 1.0, out=correlation)
    if distances is not None:
        np.abs(distances, out=distances)
        np.subtract(1.0, distances, out=distances)
        np.maximum(distances, 0.0, out=distances)
    return Responses(Nearest(ids, values), twin, correlation, distances)


# The sentence vectors that neuron vectors are means of: those of describe, or a sentence encoder's.
def word_sentence_vectors(run: Run, *, progress: Progress) -> NDArray[np.float32]:
    """Make the sentence vectors that describe found typical sentences with.

    Returns: float32, shape (n_sentences, D). Unit vectors in the order of ``sentences.parquet``, or with
        ``describe.sentence_vectors=plain`` of any length; zeros for a sentence without one.
    """
    options = _describe_options(run)
    plain = options.sentence_vectors == "plain"
    averaged = plain_sentence_vectors if plain else sentence_vectors
    words = run.table("annotations", columns=["words"]).column("words").combine_chunks()
    coded = code_sentences(Annotations(words=words, tags=pa.nulls(len(words), words.type)))
    if run.files.has("signatures/word_vectors.npy"):
        vectors = np.asarray(run.array("signatures/word_vectors"))
        if len(vectors) == len(coded.vocabulary):
            return averaged(coded, vectors)
    # a run that an earlier version described: training again from the same words gives the same vectors
    progress.message("The word vectors are not in the run folder: made again.")
    if options.vectors == "train":
        return averaged(coded, train_vectors(coded, options=options))
    return averaged(coded, read_vectors(Path(options.vectors), coded=coded, punctuation=plain).vectors)


def check_sentence_vectors(run: Run, *, encoder_vectors: str) -> None:
    """Refuse what no vectors can be had from, before anything of the run is touched."""
    _describe_options(run)
    if encoder_vectors not in ("none", *OWN_VECTORS):
        n = run.table("sentences", columns=["sentence_id"]).num_rows
        encoder_sentence_vectors(Path(encoder_vectors), n_sentences=n)


def _describe_options(run: Run) -> DescribeOptions:
    options = recorded_options(run.manifest, "describe", DescribeOptions)
    if options.vectors == "none":
        what = f"The run {run.folder} was described without word vectors, which neurons are compared by."
        raise DescribeError(what, hint=f"neurolect describe {quoted(run.folder)} --set describe.vectors=train")
    return options


def encoder_sentence_vectors(path: Path, *, n_sentences: int, plain: bool = False) -> NDArray[np.float32]:
    """Read sentence vectors that an encoder gave.

    ``path``: A ``.npy`` file, shape (n_sentences, D).
    ``plain``: Leave them as they are.
    Returns: float32, shape (n_sentences, D). Of unit length, less the mean over all, unless plain.
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
    if plain:
        return vectors
    # to unit length, then off the mean and to unit length again, as vectors of words are
    vectors = unit_rows(vectors)
    has = np.asarray(vectors.any(axis=1))
    if has.any():
        vectors[has] -= vectors[has].mean(axis=0, dtype=np.float64).astype(np.float32)
    return unit_rows(vectors)


class RelateInputs:
    """A described run, read as the steps need it."""

    def __init__(
        self,
        run: Run,
        options: RelateOptions,
        workers: int,
        progress: Progress,
        *,
        model: str | None = None,
        device: str = "cpu",
    ) -> None:
        self.run, self.options, self.workers, self.progress = run, options, workers, progress
        self.model, self.device = model, device
        self.sides = run.sides
        self._entries: dict[str, ListEntries] = {}

    @cached_property
    def sentence_ids(self) -> NDArray[np.int64]:
        """Ids of the kept sentences, ascending."""
        ids: NDArray[np.int64] = (
            self.run.table("sentences", columns=["sentence_id"]).column("sentence_id").to_numpy()
        )
        return ids

    @cached_property
    def word_vectors(self) -> NDArray[np.float32]:
        """Sentence vectors made of word vectors, shape (n_sentences, D)."""
        return word_sentence_vectors(self.run, progress=self.progress)

    @property
    def encoder_file(self) -> Path:
        """Where the encoder's sentence vectors are: those of the model itself are made."""
        given = self.options.encoder_vectors
        return self.run.folder / "relations" / "sentence_vectors.npy" if given in OWN_VECTORS else Path(given)

    @cached_property
    def encoder_vectors(self) -> NDArray[np.float32]:
        """Sentence vectors of the encoder, shape (n_sentences, D)."""
        plain = _describe_options(self.run).sentence_vectors == "plain"
        return encoder_sentence_vectors(self.encoder_file, n_sentences=len(self.sentence_ids), plain=plain)

    def vectors_of(self, kind: str) -> NDArray[np.float32]:
        """Give the sentence vectors of a kind, shape (n_sentences, D)."""
        return self.word_vectors if kind == "words" else self.encoder_vectors

    def entries(self, side: str) -> ListEntries:
        """Read the lists of a side."""
        if side not in self._entries:
            self._entries[side] = read_list_entries(self.run, side, sentence_ids=self.sentence_ids)
        return self._entries[side]

    def responses(self, *, tell: bool = False) -> NDArray[np.float32]:
        """Read the neurons' responses to the sample.

        ``tell``: Say how many sentences were left out because an activation was not finite.
        Returns: float32, shape (n_neurons, n_sentences). As :func:`neurolect.relations.inputs.standardised`
            gives them; not kept, since they are large.
        """
        held = self.run.array("sample/activations")
        finite = finite_sentences(held)
        n_out = len(finite) - int(finite.sum())
        if n_out and tell:
            what = f"{n_out:,} sentence{'' if n_out == 1 else 's'} of the sample left out of responses"
            self.progress.message(f"{what}: an activation was not finite.")
        return standardised(np.asarray(held[:, finite] if n_out else held, dtype=np.float32))

    @cached_property
    def site_layers(self) -> list[tuple[str, int]]:
        """Site and layer of each block of neurons, in their order."""
        return [(each["site"], int(each["layer"])) for each in self.run.manifest["model"]["sites"]]

    @cached_property
    def block_of(self) -> NDArray[np.int32]:
        """Number of each neuron's site and layer in that order, shape (n_neurons,)."""
        widths = [each["width"] for each in self.run.manifest["model"]["sites"]]
        return np.repeat(np.arange(len(widths), dtype=np.int32), widths)

    @property
    def vector_kinds(self) -> tuple[str, ...]:
        """Which sentence vectors there are: ``words``, and ``encoder`` if they were given."""
        return ("words",) if self.options.encoder_vectors == "none" else ("words", "encoder")

    @property
    def vector_files(self) -> list[str]:
        """Files of neuron vectors, within the run folder."""
        return [f"relations/vectors/{kind}_{side}.npy" for kind in self.vector_kinds for side in self.sides]

    def neuron_vectors(self, kind: str, side: str) -> NDArray[np.float32]:
        """Read the neurons' vectors.

        Returns: float32, shape (n_neurons, D). NaN for a neuron without one.
        """
        array: NDArray[Any] = self.run.array(f"relations/vectors/{kind}_{side}")
        return np.asarray(array, dtype=np.float32)
