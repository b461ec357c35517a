"""Selectivity for parts of speech: how many times their usual share lists have."""

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError, nearest
from neurolect.results.number import Asked, Numbers
from neurolect.store import Run
from neurolect.store.stage_kinds import described_with_tagger

WORD_CLASSES = {"noun": "N", "verb": "V", "adjective": "J"}
"""Word classes and the first letter of their Penn tags."""
MIN_TAG_SHARE = 0.001
"""Rarer tags would lead by chance: a list of 20,000 tokens has 20 of a tag of this share."""


def of_tags(run: Run, asked: Asked, *, by: str) -> Numbers:
    """Divide shares of tags, or of classes of tags (`by` is ``pos``), in the lists by shares in the corpus."""
    columns = ["neuron_id", "side", "tag", "share_list", "share_background"]
    table = run.table("signatures/tags", columns=columns)
    if not table.num_rows:
        what = f"The run {run.folder} has no tags."
        raise RunFolderError(what, hint=described_with_tagger(run.folder))
    encoded = table.column("tag").combine_chunks().dictionary_encode()
    tags: list[str] = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    usual = np.zeros(len(tags))
    usual[codes] = table.column("share_background").to_numpy()
    here = pc.equal(table.column("side"), asked.side).to_numpy()
    shares = np.zeros((run.n_neurons, len(tags)))
    ids = table.column("neuron_id").to_numpy()[here]
    shares[ids, codes[here]] = table.column("share_list").to_numpy()[here]
    described = np.zeros(run.n_neurons, dtype=bool)
    described[ids] = True
    groups = _tag_groups(by, tags, usual, asked.value)
    lifts = np.stack(
        [
            shares[:, members].sum(axis=1) / max(usual[members].sum(), 1e-12)
            for members in (np.isin(tags, group) for group in groups.values())
        ]
    )
    best = lifts.argmax(axis=0)
    names = list(groups)
    label = f"{names[0]}s" if len(names) == 1 and names[0] in WORD_CLASSES else names[0]
    return Numbers(
        np.where(described, lifts.max(axis=0), np.nan),
        [names[each] for each in best],
        f"lift of {label}" if len(names) == 1 else "",
    )


def of_tag_counts(run: Run, asked: Asked, *, word_class: str) -> NDArray[np.float64]:
    """Count the words of a class (a key of ``WORD_CLASSES``) in a sentence of the lists, on the mean."""
    table = run.table("signatures/tags", columns=["neuron_id", "side", "tag", "n_list"])
    if not table.num_rows:
        what = f"The run {run.folder} has no tags."
        raise RunFolderError(what, hint=described_with_tagger(run.folder))
    side = pc.field("side") == asked.side
    n_sentences = np.zeros(run.n_neurons)
    lists = run.table("signatures/summary", columns=["neuron_id", "side", "n_sentences"]).filter(side)
    n_sentences[lists.column("neuron_id").to_numpy()] = lists.column("n_sentences").to_numpy()
    own = table.filter(side & pc.starts_with(pc.field("tag"), WORD_CLASSES[word_class]))
    ids, counts = (own.column(name).to_numpy() for name in ("neuron_id", "n_list"))
    sums = np.bincount(ids, weights=counts.astype(np.float64), minlength=run.n_neurons)
    return np.where(n_sentences > 0, sums / np.maximum(n_sentences, 1), np.nan)


def _tag_groups(by: str, tags: list[str], usual: NDArray[np.float64], value: str | None) -> dict[str, list[str]]:
    """Say which tags are taken together, under which name."""
    classes = {name: [tag for tag in tags if tag.startswith(letter)] for name, letter in WORD_CLASSES.items()}
    single = {tag: [tag] for tag in sorted(tags)}
    if value is not None:
        known = {**classes, **single}
        found = value if value in known else value.upper() if value.upper() in known else value.lower()
        if found not in known:
            what = f"There is no part of speech {value!r} in the run."
            raise OptionError(what, expected=", ".join(known), hint=f"The nearest: {nearest(value, known)}.")
        return {found: known[found]}
    if by == "pos":
        return {name: members for name, members in classes.items() if members}
    often = {tag for tag, share in zip(tags, usual, strict=True) if share >= MIN_TAG_SHARE and tag[0].isalpha()}
    return {tag: members for tag, members in single.items() if tag in often}
