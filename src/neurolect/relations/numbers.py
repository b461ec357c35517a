"""Every number that neurons can be ranked, mapped and compared by, looked up by name."""

from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError, nearest
from neurolect.relations.list_entries import read_list_entries
from neurolect.relations.list_numbers import is_list_number, list_number, names_of_list_numbers, not_a_number
from neurolect.relations.nearly_constant import nearly_constant
from neurolect.relations.value_shares import one_sidedness, shares_of_value
from neurolect.signatures.evidence.tag_names import WORD_CLASSES
from neurolect.signatures.inputs import coded_field
from neurolect.store import Run
from neurolect.store.sides import check_side

__all__ = ["Numbers", "numbers"]

MIN_TAG_SHARE = 0.001
"""Rarer tags would lead by chance: a list of 20,000 tokens has 20 of a tag of this share."""
MIN_LABELLED = 20
_OF_NEURONS = {
    "mean": "mean of the activation",
    "std": "standard deviation of the activation",
    "skewness": "skewness of the activation",
    "kurtosis": "excess kurtosis of the activation",
    "minimum": "least activation",
    "maximum": "greatest activation",
}


class Numbers(NamedTuple):
    """A number of every neuron, for one side."""

    values: NDArray[np.float64]
    """In the order of neuron ids, shape (n_neurons,); NaN where there is none."""
    evidence: list[str] | None
    """What the number rests on, neuron by neuron, e.g. the tag; None where that is the same for all."""
    label: str
    """What it is, for titles and axes."""
    notes: tuple[str, ...]
    """What a reader should know, e.g. how many neurons have no number."""
    of_neuron: bool = False
    """Whether it is the neuron's, the same for its top and its bottom list."""


def numbers(run: Run, by: str, *, side: str = "top", value: str | None = None) -> Numbers:
    """Look up a number of every neuron.

    Parameters
    ----------
    run : Run
        A described run.
    by : str
        ``pos`` (how many times the usual share the noun, verb or adjective tags have, the greatest of the three),
        ``tag`` (the same over single Penn tags), ``length`` (mean words of a sentence), ``field=NAME`` (how
        one-sided the list is in a metadata field: standard deviation of its values' balanced shares), a number of
        ``signatures/summary``, ``n_senses`` or ``polysemy``, where signatures were scored ``auroc``,
        ``average_precision``, ``balanced_average_precision`` or ``spearman``, or a moment of the activation.
    side : str
        ``top`` or ``bottom``.
    value : str, optional
        With ``pos`` and ``tag`` one class or tag (its lift), with a field one value (its share of the list).

    Returns
    -------
    Numbers
        The greater, the more. Of lists, neurons that are constant have none.

    Raises
    ------
    OptionError
        If there is no such number, side, field or value; names those there are.
    RunFolderError
        If the run has not been described, has no tags, or no list has enough labelled sentences.
    """
    check_side(side, run.sides, of=run.folder)
    found = _look_up(run, by, side, value)
    return found if found.of_neuron else _without_constant(run, found)


def _look_up(run: Run, by: str, side: str, value: str | None) -> Numbers:
    """Find out which number is meant."""
    if by.startswith("field="):
        return _of_field(run, by.removeprefix("field=").strip(), side, value)
    if by in ("pos", "tag"):
        return _of_tags(run, by, side, value)
    if value is not None:
        what = f"A value ({value!r}) goes with pos, tag or field=NAME, not with {by!r}."
        raise OptionError(what)
    if by in _OF_NEURONS:
        column = run.table("neurons", columns=[by]).column(by)
        return Numbers(column.to_numpy().astype(np.float64), None, _OF_NEURONS[by], (), of_neuron=True)
    return _of_list(run, by, side)


def _of_list(run: Run, by: str, side: str) -> Numbers:
    """Read a number that stands in a table of lists."""
    column = {"length": "mean_length"}.get(by, by)
    known = names_of_list_numbers(run)
    if column not in known and not is_list_number(column):
        raise not_a_number(by, ["pos", "tag", "length", "field=NAME", *known, *_OF_NEURONS])
    values, label = list_number(run, column, side=side)
    return Numbers(values, None, label, ())


def _without_constant(run: Run, found: Numbers) -> Numbers:
    """Take the number from neurons that do not vary: their lists are the first sentences among equals."""
    still = nearly_constant(run) & np.isfinite(found.values)
    n_still = int(still.sum())
    if not n_still or n_still == run.n_neurons:
        return found
    note = f"{n_still:,} of {run.n_neurons:,} neurons are constant: what their lists hold says nothing; left out."
    return found._replace(values=np.where(still, np.nan, found.values), notes=(*found.notes, note))


def _of_tags(run: Run, by: str, side: str, value: str | None) -> Numbers:
    """Divide shares of tags in the lists by shares in the corpus."""
    columns = ["neuron_id", "side", "tag", "share_list", "share_background"]
    table = run.table("signatures/tags", columns=columns)
    if not table.num_rows:
        what = f"The run {run.folder} has no tags."
        raise RunFolderError(what, hint="Describe it again with a tagger: --set describe.tagger=auto")
    encoded = table.column("tag").combine_chunks().dictionary_encode()
    tags: list[str] = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    usual = np.zeros(len(tags))
    usual[codes] = table.column("share_background").to_numpy()
    here = pc.equal(table.column("side"), side).to_numpy()
    shares = np.zeros((run.n_neurons, len(tags)))
    ids = table.column("neuron_id").to_numpy()[here]
    shares[ids, codes[here]] = table.column("share_list").to_numpy()[here]
    described = np.zeros(run.n_neurons, dtype=bool)
    described[ids] = True
    groups = _tag_groups(by, tags, usual, value)
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
        f"lift of {label}" if len(names) == 1 else "selectivity for a part of speech (greatest lift)",
        (),
    )


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


def _of_field(run: Run, field: str, side: str, value: str | None) -> Numbers:
    """Count a field's values in the lists."""
    fields = [each["name"] for each in run.manifest["corpus"]["fields"]]
    if field not in fields:
        what = f"The corpus has no metadata field {field!r}."
        listed = ", ".join(repr(each) for each in fields)
        raise OptionError(what, expected=f"one of {listed}" if fields else "none: the corpus has no metadata")
    ids = run.table("sentences", columns=["sentence_id"]).column("sentence_id").to_numpy()
    coded = coded_field(run, field, sentences=run.table("sentences", columns=[field]))
    if len(coded.values) < 2:
        has = f"only the value {coded.values[0]!r}" if coded.values else "no value at all"
        what = f"The metadata field {field!r} has {has}: lists cannot differ in it."
        raise OptionError(what, expected="a field with two values or more")
    entries = read_list_entries(run, side, sentence_ids=ids)
    if value is not None:
        if value not in coded.values:
            what = f"The metadata field {field!r} has no value {value!r}."
            raise OptionError(what, hint=f"The nearest: {nearest(value, coded.values)}.")
        shares = shares_of_value(entries, coded.codes, value=coded.values.index(value))
        return Numbers(shares, None, f"share of {field} = {value}", ())
    found = one_sidedness(entries, coded.codes, background=coded.background, min_labelled=MIN_LABELLED)
    n_without = int(np.isnan(found.deviation).sum())
    if n_without == run.n_neurons:
        what = f"No {side} list has {MIN_LABELLED} sentences with a value of {field!r}."
        hint = f"At most {int(found.n_labelled.max(initial=0))} have one. Is the field rare? Longer lists help."
        raise RunFolderError(what, hint=hint)
    note = (
        f"{n_without:,} of {run.n_neurons:,} {side} lists have fewer than {MIN_LABELLED} sentences with a value of "
        f"{field}."
    )
    evidence = [coded.values[each] for each in found.leading]
    label = f"one-sidedness in {field} (standard deviation)"
    return Numbers(found.deviation, evidence, label, (note,) if n_without else ())
