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
    tags, usual, shares, described = _shares(run, asked.side)
    if not tags:
        what = f"The run {run.folder} has no tags."
        raise RunFolderError(what, hint=described_with_tagger(run.folder))
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


def _shares(run: Run, side: str) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Read the shares of tags: tags, their shares in the corpus and in each list, and which neurons have some.

    Read a part at a time: rows of all neurons' tags may take gigabytes.
    """
    places: dict[str, int] = {}
    usual: list[float] = []
    shares: list[NDArray[np.float64]] = []
    described = np.zeros(run.n_neurons, dtype=bool)
    columns = ["neuron_id", "side", "tag", "share_list", "share_background"]
    for part in run.parts("signatures/tags", columns=columns):
        coded = part.column("tag").combine_chunks().dictionary_encode()
        codes = coded.indices.to_numpy(zero_copy_only=False)
        own = pc.equal(part.column("side"), side).to_numpy()
        ids, values, background = (part.column(name).to_numpy() for name in ("neuron_id", *columns[3:]))
        described[ids[own]] = True
        for code, tag in enumerate(coded.dictionary.to_pylist()):
            if tag not in places:
                places[tag] = len(usual)
                usual.append(0.0)
                shares.append(np.zeros(run.n_neurons))
            here = codes == code
            usual[places[tag]] = float(background[here][-1])
            here &= own
            shares[places[tag]][ids[here]] = values[here]
    return list(places), np.array(usual), np.stack(shares, axis=1) if shares else np.empty((0, 0)), described


def of_tag_counts(run: Run, asked: Asked, *, word_class: str) -> NDArray[np.float64]:
    """Count the words of a class (a key of ``WORD_CLASSES``) in a sentence of the lists, on the mean."""
    side = pc.field("side") == asked.side
    n_sentences = np.zeros(run.n_neurons)
    lists = run.table("signatures/summary", columns=["neuron_id", "side", "n_sentences"]).filter(side)
    n_sentences[lists.column("neuron_id").to_numpy()] = lists.column("n_sentences").to_numpy()
    sums, n_rows = np.zeros(run.n_neurons), 0
    for part in run.parts("signatures/tags", columns=["neuron_id", "side", "tag", "n_list"]):
        own = part.filter(side & pc.starts_with(pc.field("tag"), WORD_CLASSES[word_class]))
        ids, counts = (own.column(name).to_numpy() for name in ("neuron_id", "n_list"))
        sums += np.bincount(ids, weights=counts.astype(np.float64), minlength=run.n_neurons)
        n_rows += len(part)
    if not n_rows:
        what = f"The run {run.folder} has no tags."
        raise RunFolderError(what, hint=described_with_tagger(run.folder))
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
