"""Sentences of the corpus as a run folder keeps them."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus import Corpus


def take_kept(corpus: Corpus, ids: NDArray[np.int64]) -> pa.Table:
    """Take sentences out of a corpus, and nothing of any other sentence.

    ``ids``: int64, shape (n,), ascending. Sentence ids.
    Returns: Ids, text, metadata, without the mark of the held-out part.
    """
    table = corpus.take(ids)
    if "held_out" in table.column_names:
        table = table.drop_columns(["held_out"])
    # A dictionary names the values of the whole row group it was read from, those of other documents too.
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(place).cast(field.type.value_type)
            table = table.set_column(place, pa.field(field.name, field.type.value_type, field.nullable), plain)
    return table
