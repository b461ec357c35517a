"""Numbers of metadata fields: how one-sided lists are in a field, and how much of them has one value."""

import numpy as np

from neurolect.errors import OptionError, RunFolderError, nearest
from neurolect.results.field_values import coded_field
from neurolect.results.list_entries import read_list_entries
from neurolect.results.number import Asked, Numbers
from neurolect.store import Run

MIN_LABELLED = 20
"""Lists with fewer sentences that have a value get no number."""


def fields_of(run: Run) -> list[str]:
    """Name the metadata fields of a run's corpus."""
    return [each["name"] for each in run.manifest["corpus"]["fields"]]


def of_field(run: Run, asked: Asked) -> Numbers:
    """Count a field's values in the lists."""
    from neurolect.results.value_shares import one_sidedness, shares_of_value  # loads numba

    field, side, value = asked.argument, asked.side, asked.value
    fields = fields_of(run)
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
        return Numbers(shares, None, f"share of {field} = {value}")
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
