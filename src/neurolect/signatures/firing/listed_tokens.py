"""The firing tokens of lists as rows to count in, each once: where the activation over a sentence is greatest.

Dims: P firing tokens, T model tokens of the kept sentences.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.sentences.model_tokens import tokenizer_hash
from neurolect.errors import RunFolderError
from neurolect.signatures.firing.token_words import TokenWords
from neurolect.signatures.inputs import Inputs, Lists, list_rows
from neurolect.store import Run
from neurolect.store.tables import checked_neurons


class FiringTokens(NamedTuple):
    """The firing tokens of all lists."""

    lists: Lists
    """As of the run, with firing tokens in the place of sentences; lists of another side are empty."""
    tokens: NDArray[np.int64]
    """Its number among the model tokens of all kept sentences, ascending, shape (P,)."""


def read_firing(run: Run, inputs: Inputs, tokens: TokenWords) -> FiringTokens:
    """Read where the neurons of a run are strongest in the sentences of their lists."""
    lists, n_sides = inputs.lists, len(inputs.lists.sides)
    rows = np.full_like(lists.rows, -1)
    _check_tokenizer(run)
    fires = np.zeros(len(tokens.words), np.bool_)
    found = []
    for side in firing_sides(run):
        place = lists.sides.index(side)
        at = _tokens_of_lists(run, side)
        sentences = lists.rows[place::n_sides, : at.shape[1]]
        there = (sentences >= 0) & (at >= 0)
        flat = tokens.offsets[sentences[there]] + at[there]
        _check(run, flat, tokens.offsets[sentences[there] + 1])
        fires[flat] = True
        found.append((rows[place::n_sides, : at.shape[1]], there, flat))
    number = np.cumsum(fires, dtype=np.int64) - 1
    for own, there, flat in found:
        own[there] = number[flat]
    chosen = np.flatnonzero(fires)
    documents = inputs.lists.documents_of(len(inputs.sentence_ids))
    of_sentence = np.searchsorted(tokens.offsets, chosen, side="right") - 1
    return FiringTokens(Lists(rows, lists.sides, documents[of_sentence]), chosen)


def may_fire(tokens: TokenWords, run: Run) -> NDArray[np.bool_]:
    """Tell which tokens were pooled, neither left out nor beyond the model's limit; bool, shape (T,)."""
    options, longest = run.manifest["options"]["model"], run.manifest["model"].get("max_tokens")
    n_each = np.diff(tokens.offsets)
    own = ~tokens.special
    before = np.concatenate([[0], np.cumsum(own)])
    nth = before[:-1] - np.repeat(before[tokens.offsets[:-1]], n_each)  # among the sentence's own
    n_special = n_each - np.diff(before[tokens.offsets])
    room = np.iinfo(np.int64).max if longest is None else np.repeat(longest - n_special, n_each)
    skip = options.get("skip_first", 0)
    if options["special_tokens"] == "exclude":
        return np.asarray(own & (nth >= skip) & (nth < room))
    place = np.arange(len(own)) - np.repeat(tokens.offsets[:-1], n_each)
    return np.asarray((tokens.special | (nth < room)) & (place >= skip))


def firing_sides(run: Run) -> tuple[str, ...]:
    """Name the sides whose activations are each of one token: the highest, or where lists say so the lowest value.

    The highest activation over a sentence's tokens says where a neuron is strongest, not where it is weakest.
    """
    options = run.manifest["options"]
    if options.get("model", {}).get("pooling") != "max":
        return ()
    lowest = options.get("collect", {}).get("bottom_by") == "minimum"
    return tuple(side for side in run.sides if side == "top" or lowest)


def _tokens_of_lists(run: Run, side: str) -> NDArray[np.int32]:
    """Read the model token of each entry, laid out like the lists; -1 after the end."""
    table = run.table(f"lists/{side}", columns=["neuron_id", "token"])
    neurons = table.column("neuron_id").to_numpy().astype(np.int32)
    checked_neurons(run.files, f"lists/{side}", neurons, n_neurons=run.n_neurons)
    at = table.column("token").to_numpy().astype(np.int32)
    return list_rows(neurons, at, n_neurons=run.n_neurons)


def _check_tokenizer(run: Run) -> None:
    """Refuse another tokenizer than the run's, where that is recorded."""
    model = run.manifest["model"]
    if model.get("tokenizer") not in (None, tokenizer_hash(model["name"])):
        what = f"The tokenizer of {model['name']!r} is not the one that {run.folder} was read with."
        raise RunFolderError(what, expected="the tokenizer of the model that the run was collected with")


def _check(run: Run, tokens: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
    """Refuse tokens beyond the ends of their sentences: another tokenizer read them."""
    if len(tokens) and (tokens >= ends).any():
        model = run.manifest["model"]["name"]
        what = f"The tokenizer of {model!r} gives fewer tokens than {run.folder} was read with."
        raise RunFolderError(what, expected="the tokenizer of the model that the run was collected with")
