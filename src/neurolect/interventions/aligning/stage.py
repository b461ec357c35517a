"""Align neurons with the phrases that activate them most when they are repeated; a stage of a run."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.fidelity.score import load_model_of
from neurolect.folders.atomic import write_table
from neurolect.interventions.aligning.gather import List, align_lists
from neurolect.interventions.aligning.listed import first_sentences
from neurolect.interventions.aligning.options import AlignOptions
from neurolect.interventions.causal_check import equally_by_layer, neuron_ids
from neurolect.progress import NullProgress, Progress
from neurolect.results.number import nearly_constant
from neurolect.store import SIDES, Run, open_run
from neurolect.store.sides import check_side
from neurolect.store.stages import StageRecord, making, plain_options, recorded_options

PHRASES, NEURONS = "align/phrases", "align/neurons"
_KEY = "made_with"
_WHERE = [("neuron_id", pa.int32()), ("side", pa.string())]
_NUMBERS = ("selectivity", "holding", "replicated", "words_agree", "phrases_agree")
_BASELINES = [(f"{name}_{of}", pa.float32()) for of in ("listed", "random") for name in _NUMBERS]
PHRASE_ROWS = pa.schema(
    [
        *_WHERE,
        ("rank", pa.int16()),
        ("phrase", pa.string()),
        ("n_words", pa.int16()),
        ("sentence_id", pa.int64()),
        *((name, pa.float32()) for name in ("activation", "z", "excess")),
    ]
)
NEURON_ROWS = pa.schema(
    [
        *_WHERE,
        ("n_candidates", pa.int32()),
        ("selectivity", pa.float32()),
        ("n_holding", pa.int32()),
        ("replicated", pa.float32()),
        ("words_agree", pa.bool_()),
        ("phrases_agree", pa.bool_()),
        *_BASELINES,
        *((name, pa.float32()) for name in ("excess", "excess_listed", "excess_random")),
    ]
)


def align(
    run: Run | str | Path,
    *,
    neurons: Sequence[str] = (),
    model: str | None = None,
    options: AlignOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Run:
    """Find the phrases that neurons are aligned with: those that activate them most when repeated.

    Candidates are the words and phrases of a list's first sentences: constituents where the run was described
    with trees, else n-grams. Each is repeated to the corpus's mean length in model tokens; what the neuron gives
    for that text is its degree of alignment, compared with that of random phrases of as many words. Neurons that
    were aligned before with the same options are kept, and not read again.

    Parameters
    ----------
    run : Run, str or Path
        A run; described, what it is aligned with is compared with its signatures.
    neurons : sequence of str
        Addresses (``mlp.15.200``, ``mlp.15.0-9``, ``mlp.15``); otherwise ``align.neurons`` of those that vary, as
        many of each layer.
    model : str, optional
        Where its model lies, if it has moved.
    options : AlignOptions, optional
        The run's own when not given.
    device : str
        Where the model runs.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Run
        The run, opened again, with ``align/phrases`` (a row a phrase: its text, ``activation`` repeated, ``z`` of
        that over the corpus, ``excess`` over random phrases as long) and ``align/neurons`` (a row a list:
        ``selectivity`` on sentences of the sample that hold a phrase, ``replicated`` with the repeated phrases
        themselves, whether words and phrases of the signature agree, and all of that for random phrases of the same
        sentences, ``_listed``, and of the corpus, ``_random``).

    Raises
    ------
    RunFolderError
        If the run has no sample of activations, or a list asked for is empty.
    ModelError
        If the model is not the run's.
    NeuronAddressError
        If there is no such neuron.
    OptionError
        If the run has no lists of a side.

    Notes
    -----
    Differs from Na et al. (2019): candidates have at most ``align.longest`` words and there are no morphemes;
    phrases are ordered by what they give more than random phrases of as many words.

    References
    ----------
    Na et al. (2019), Discovery of Natural Language Concepts in Individual Units of CNNs, sections 3.1 to 3.3.
    """
    run, progress = open_run(run), progress or NullProgress()
    options = options or recorded_options(run.manifest, "align", AlignOptions)
    for side in options.sides:
        check_side(side, run.sides, of=run.folder)
    wanted = _chosen(run, neurons, options)
    _check_sample(run)
    with making(run.folder, "align", options=options, keep=True) as record:
        within = Run(run.folder, within="align")
        key = _key(options, run, record)
        before = _before(within, record, key)
        lists = _missing(within, wanted, before[1], options)
        made = before
        if lists:
            with progress.step("load the model"):
                loaded = load_model_of(run, model, device=device)
            phrases, rows = align_lists(within, loaded, lists, options, progress=progress, record=record)
            made = (
                _joined(before[0], pa.Table.from_pylist(phrases, PHRASE_ROWS)),
                _joined(before[1], pa.Table.from_pylist(rows, NEURON_ROWS)),
            )
        else:
            progress.message(f"All {len(wanted):,} neurons were aligned before by these options.")
        record.entry[_KEY] = None  # until both tables are written
        record.write()
        for name, table in zip((PHRASES, NEURONS), made, strict=True):
            write_table(run.folder / f"{name}.parquet", table)
        record.entry |= {_KEY: key, "n_lists": made[1].num_rows}
        rmtree(run.folder / "align" / "partial", ignore_errors=True)
    return Run(run.folder)


def _chosen(run: Run, neurons: Sequence[str], options: AlignOptions) -> NDArray[np.int64]:
    """Choose the neurons, ascending."""
    if len(neurons):
        return np.unique(np.concatenate([neuron_ids(run, each) for each in neurons]))
    varying = np.flatnonzero(~nearly_constant(run)).astype(np.int64)
    return equally_by_layer(run, varying, n=options.neurons, seed=options.seed)


def _missing(run: Run, wanted: NDArray[np.int64], before: pa.Table, options: AlignOptions) -> list[List]:
    """Give the lists that were not aligned before."""
    lists = []
    for side in options.sides:
        known = before.filter(pc.equal(before["side"], side))["neuron_id"].to_numpy()
        ids = wanted[~np.isin(wanted, known)]
        first = first_sentences(run, ids, side, options.n_sentences)
        lists += [List(*each) for each in zip(ids.tolist(), [side] * len(ids), first, strict=True)]
    return lists


def _check_sample(run: Run) -> None:
    """Refuse a run that kept no activations of its sample."""
    if not run.files.has("sample/activations.npy") or not run.array("sample/activations").shape[1]:
        what = f"The run folder {run.folder} has no activations of its sample."
        hint = "Collect it again with --set collect.activation_sample_size=4000"
        raise RunFolderError(what, expected="sentences to compare phrases with", hint=hint)


def _key(options: AlignOptions, run: Run, record: StageRecord) -> str:
    """Name what rows are made with and from; not for which neurons and sides."""
    values = {name: each for name, each in plain_options(options).items() if name not in ("neurons", "sides")}
    made_from = [values, run.manifest["model"]["fingerprint"], record.entry["rests_on"]]
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def _before(run: Run, record: StageRecord, key: str) -> tuple[pa.Table, pa.Table]:
    """Read what was aligned before by the same options and from the same lists."""
    intact = all(run.files.is_intact(f"{name}.parquet") for name in (PHRASES, NEURONS))
    if record.entry.get(_KEY) != key or not intact:
        return PHRASE_ROWS.empty_table(), NEURON_ROWS.empty_table()
    tables = tuple(run.files.parquet(name).read() for name in (PHRASES, NEURONS))
    same = [each.schema.equals(rows) for each, rows in zip(tables, (PHRASE_ROWS, NEURON_ROWS), strict=True)]
    return tables if all(same) else (PHRASE_ROWS.empty_table(), NEURON_ROWS.empty_table())


def _joined(old: pa.Table, new: pa.Table) -> pa.Table:
    """Put rows together, by neuron, top before bottom."""
    table = pa.concat_tables([old, new])
    sides = pc.index_in(table["side"], value_set=pa.array(SIDES)).to_numpy()
    ranks = table["rank"].to_numpy() if "rank" in table.column_names else np.zeros(len(table))
    return table.take(pa.array(np.lexsort((ranks, sides, table["neuron_id"].to_numpy()))))
