"""The tokens stage: read the first sentences of lists again, token by token, and weigh their words."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus.sentences.words import split_words, word_spans
from neurolect.errors import ModelError, OptionError
from neurolect.folders.atomic import write_table
from neurolect.model import Model, ModelOptions, load_model
from neurolect.model.word_alignment import align
from neurolect.progress import NullProgress, Progress
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import CodedSentences, code_sentences
from neurolect.statistics.scores import PRIOR_SIZE
from neurolect.store import SIDES, Run, open_run
from neurolect.store.files import changes_of
from neurolect.store.sides import check_side, lists_of
from neurolect.store.stages import making, recorded_options
from neurolect.tokens.entries import unpack_values, wanted_entries, word_weights
from neurolect.tokens.forward_pass import forget_parts, read_entries
from neurolect.tokens.weighted_items import ListItems, Scored, score_items, weighted_table
from neurolect.tokens.weighted_patterns import weighted_patterns

ENTRIES, SENTENCES = "tokens/entries", "tokens/sentences"


def read_tokens(
    run: Run | str | Path,
    *,
    model: str | None = None,
    neurons: Sequence[str] | None = None,
    sides: Sequence[str] = SIDES,
    n_sentences: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Run:
    """Read the first sentences of lists again and weigh their words by the neuron's activation at them.

    What is there of other neurons and sides with as many sentences is kept, so neurons can be added. The same call
    resumes where an earlier one was interrupted.

    Parameters
    ----------
    run : Run, str or Path
        A collected run; with tags where it has been described with a tagger.
    model : str, optional
        Where the model is, if it has moved since.
    neurons : sequence of str, optional
        Addresses; all neurons when not given.
    sides : sequence of str
        ``top``, ``bottom`` or both.
    n_sentences : int, >= 1, optional
        Sentences of each list; as many as were read before, else 20.
    device : str
        Where the model runs.
    progress : Progress, optional
        Where to report.

    Returns
    -------
    Run
        The run, opened again.

    Raises
    ------
    ModelError
        If the model is not the run's.
    NeuronAddressError
        If there is no such neuron.
    OptionError
        If a side or the number of sentences does not fit.
    """
    run = open_run(run)
    if n_sentences is None:
        n_sentences = int(run.manifest["stages"].get("tokens", {}).get("n_sentences_a_list") or 20)
    for side in sides:
        check_side(side)
    if n_sentences < 1:
        what = f"The number of sentences is {n_sentences}."
        raise OptionError(what, expected="a number of at least 1")
    progress = progress or NullProgress()
    chosen = None if neurons is None else np.unique([run.index.neuron_id(each) for each in neurons])
    wanted = wanted_entries(run, neuron_ids=chosen, sides=sides, n_sentences=n_sentences)
    kept = _kept(run, n_sentences=n_sentences)
    if kept is not None:
        wanted = wanted.filter(pa.array(~np.isin(lists_of(wanted, SIDES), lists_of(kept[0], SIDES))))
    with progress.step("load the model"):
        loaded = model_of_run(run, model, device=device) if wanted.num_rows or model is not None else None
    if not wanted.num_rows and run.is_current("tokens") and not changes_of(run.folder, run.manifest, "tokens"):
        progress.message(f"The tokens of these lists of {run.folder} are already read.")
        return Run(run.folder)
    with making(run.folder, "tokens", keep=True) as record:
        if not wanted.num_rows and kept is not None:
            entries, sentences = kept
        elif loaded is not None:
            entries, sentences = read_entries(run, loaded, wanted, progress=progress)
            if kept is not None:
                entries, sentences = _joined(kept[0], entries), _joined_sentences(kept[1], sentences)
        if kept is None:
            record.entry |= {"n_sentences_a_list": None, "read_from": None}  # until all is written
            record.write()
        record.entry["n_without_weights"] = _write(run, entries, sentences, progress=progress)
        record.entry |= {
            "n_sentences_a_list": n_sentences,
            "read_from": record.entry["rests_on"]["collect"],
            "n_entries": entries.num_rows,
            "n_sentences": sentences.num_rows,
        }
        forget_parts(run)
    return Run(run.folder)


def model_of_run(run: Run, name: str | None, *, device: str = "cpu") -> Model:
    """Load the model that a run was collected with.

    ``name``: Where it is now; where the manifest says when not given.
    """
    known = run.manifest["model"]
    options = recorded_options(run.manifest, "model", ModelOptions)
    try:
        loaded = load_model(name or known["name"], options=options, device=device)
    except ModelError as error:
        if name is not None:
            raise
        what = f"The run's model {known['name']!r} cannot be loaded: {error.what}"
        raise ModelError(what, hint="If it has moved, say where: --model FOLDER") from error
    if known["fingerprint"] and loaded.fingerprint != known["fingerprint"]:
        what = f"{loaded.name!r} is not the model of {run.folder}: its files have another fingerprint."
        raise ModelError(what, expected=known["fingerprint"], hint="Give the run's own model with --model.")
    return loaded


def _kept(run: Run, *, n_sentences: int) -> tuple[pa.Table, pa.Table] | None:
    """Read the lists that were read from this pass with as many sentences."""
    done = run.manifest["stages"].get("tokens", {})
    read_from = done.get("read_from", done.get("rests_on", {}).get("collect"))
    intact = all(run.files.is_intact(f"{name}.parquet") for name in (ENTRIES, SENTENCES))
    if (
        read_from != run.manifest["stages"]["collect"].get("id")
        or not intact
        or done.get("n_sentences_a_list") != n_sentences
    ):
        return None
    return run.files.parquet(ENTRIES).read(), run.files.parquet(SENTENCES).read()


def _joined(kept: pa.Table, made: pa.Table) -> pa.Table:
    table = pa.concat_tables([kept, made])
    order = np.lexsort((table.column("rank").to_numpy(), lists_of(table, SIDES)))
    return table.take(pa.array(order))


def _joined_sentences(kept: pa.Table, made: pa.Table) -> pa.Table:
    table = pa.concat_tables([kept, made])
    _, first = np.unique(table.column("sentence_id").to_numpy(), return_index=True)
    return table.take(pa.array(first))


def _write(run: Run, entries: pa.Table, sentences: pa.Table, *, progress: Progress) -> int:
    """Weigh words and tags and write all tables; say how many sentences have no word above the mean.

    Entries last: until then the sentences may be more than theirs, and an interrupted call loses none.
    """
    words, coded, row_of, background = _coded(run, sentences.column("sentence_id").to_numpy())
    listed, n_silent = _list_items(
        run, entries, sentences, words=words, coded=coded, row_of=row_of, progress=progress
    )
    keep = coded.counts_as_word
    kinds = {"token_words": (coded.words, keep, {"word": coded.vocabulary, "display": coded.display})}
    if coded.tag_names:
        named = np.array([name[:1].isalpha() for name in coded.tag_names], np.bool_)
        kinds["token_tags"] = (coded.tags, named, {"tag": coded.tag_names})
    for name, (codes, shown, labels) in kinds.items():
        counts = np.bincount(codes[background], minlength=len(shown))
        scored: list[Scored] = [
            score_items(
                each._replace(codes=codes[each.codes]), keep=shown, background=counts, prior_size=PRIOR_SIZE
            )
            for each in listed.values()
        ]
        table = weighted_table(list(listed), scored, labels=labels)
        write_table(run.folder / "signatures" / f"{name}.parquet", table, row_group_size=8192)
    patterns = run.folder / "signatures" / "token_patterns.parquet"
    patterns.unlink(missing_ok=True)
    if run.is_current("describe"):
        n_sample = run.table("sample/sentences").num_rows
        sizes = {"n_background": n_sample, "n_words": int(np.count_nonzero(background)), "prior_size": PRIOR_SIZE}
        write_table(patterns, weighted_patterns(run, listed, coded=coded, **sizes), row_group_size=8192)
    write_table(run.folder / f"{SENTENCES}.parquet", sentences, row_group_size=8192)
    write_table(run.folder / f"{ENTRIES}.parquet", entries, row_group_size=8192)
    return n_silent


def _coded(
    run: Run, sentence_ids: NDArray[np.int64]
) -> tuple[pa.Array, CodedSentences, NDArray[np.int64], NDArray[np.bool_]]:
    """Code the words of the read sentences and of the sample; give the former's rows, the latter's tokens."""
    sample = run.table("sample/sentences").column("sentence_id").to_numpy()
    ids = np.union1d(sentence_ids, sample)
    if run.has("annotations"):
        table = run.table("annotations", columns=["sentence_id", "words", "tags"])
        table = table.take(pa.array(np.searchsorted(table.column("sentence_id").to_numpy(), ids))).combine_chunks()
        words, tags = table.column("words").chunk(0), table.column("tags").chunk(0)
    else:
        texts = run.take_sentences(ids).column("text").to_pylist()
        words = pa.array([split_words(text) for text in texts], pa.list_(pa.string()))
        tags = pa.nulls(len(words), pa.list_(pa.string()))
    coded = code_sentences(Annotations(words=words, tags=tags))
    in_sample = np.repeat(np.isin(ids, sample), np.diff(coded.offsets))
    return words, coded, np.searchsorted(ids, sentence_ids), in_sample


def _list_items(
    run: Run,
    entries: pa.Table,
    sentences: pa.Table,
    *,
    words: pa.Array,
    coded: CodedSentences,
    row_of: NDArray[np.int64],
    progress: Progress,
) -> tuple[dict[tuple[int, str], ListItems], int]:
    """Weigh the words of every list; codes are positions among all coded tokens."""
    ids = sentences.column("sentence_id").to_numpy()
    texts = run.take_sentences(ids).column("text").to_pylist()
    starts, ends = (sentences.column(name).to_pylist() for name in ("starts", "ends"))
    alignments = []
    for place, text in enumerate(texts):
        # the words that are weighed, which may be of an earlier rule
        spans = word_spans(text, words[int(row_of[place])].as_py())
        here = (np.array(each[place], np.int32) for each in (starts, ends))
        alignments.append(align(spans, starts=next(here), ends=next(here)))
    means = run.table("neurons", columns=["mean"]).column("mean").to_numpy()
    places = np.searchsorted(ids, entries.column("sentence_id").to_numpy())
    neurons, sides = entries.column("neuron_id").to_numpy(), entries.column("side").to_pylist()
    parts: dict[tuple[int, str], list[ListItems]] = {}
    n_silent = 0
    with progress.task("weights", total=entries.num_rows, unit="sentences") as task:
        for at, values in enumerate(unpack_values(entries)):
            place, neuron, side = int(places[at]), int(neurons[at]), sides[at]
            sign = 1.0 if side == "top" else -1.0
            acts, weights = word_weights(values, alignments[place], mean=float(means[neuron]), sign=sign)
            n_silent += not weights.any()
            low, high = coded.offsets[row_of[place]], coded.offsets[row_of[place] + 1]
            if weights.any() and high - low == len(weights):
                tokens = np.arange(low, high, dtype=np.int32)
                owner = np.full(len(tokens), place, np.int64)
                parts.setdefault((neuron, side), []).append(ListItems(tokens, owner, weights, acts))
            task.advance()
    joined = {
        key: ListItems._make(np.concatenate(columns) for columns in zip(*each, strict=True))
        for key, each in parts.items()
    }
    return joined, n_silent
