"""Have the kernels compiled before they are needed: on a fresh installation that takes seconds.

While the taggers work in processes of their own, this process has nothing to do.
"""

import numpy as np

from neurolect.signatures.counting.depths import depth_tests, held_in_lists
from neurolect.signatures.counting.items import count_in_lists, items_of_entries
from neurolect.signatures.evidence.kind import SenseItems
from neurolect.signatures.evidence.sense_tables import sense_evidence
from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.patterns.options import SkipNgramOptions
from neurolect.signatures.patterns.skip_ngrams import mine_skip_ngrams
from neurolect.signatures.vectors.senses import find_senses
from neurolect.signatures.vectors.typical_sentences import cosines_to_centroid, sums_of_rows


def compile_kernels() -> None:
    """Run every kernel that describing runs on a handful of sentences, with the types it will get."""
    codes = np.tile(np.array([0, 1, 2, 3, 0], np.int32), 8)
    offsets = np.arange(0, len(codes) + 1, 5)
    lists = np.tile(np.arange(8, dtype=np.int32), (4, 1))
    rows = np.arange(8)
    options = SkipNgramOptions(min_sentences=1, max_overlap=0.0, min_z=-100.0, word_min_association=0.0)
    mine_skip_ngrams(codes, offsets, lists=lists, background_rows=rows, item="word", options=options)
    items = items_of_entries(rows, np.zeros(8, np.int32), n_rows=8, n_items=1)
    in_lists = Lists(lists, ("top",))
    in_lists.count_in(np.ones(8, np.bool_))
    count_in_lists(items, in_lists, in_background=np.ones(8, np.bool_), min_counts=np.ones(4, np.int64))
    places = np.zeros(4, np.int32)
    held = held_in_lists(
        items, in_lists, row_lists=np.arange(4, dtype=np.int32), row_items=places, inside=np.ones(8, np.bool_)
    )
    counts = np.full(4, 8, np.int64)
    depth_tests(
        held,
        in_lists,
        row_lists=places,
        n_background=counts,
        size_background=8,
        inside=np.ones(8, np.bool_),
        n_items=1,
    )
    cosines_to_centroid(sums_of_rows(np.ones((4, 2), np.float32), codes, offsets), lists[0])
    vectors = np.eye(2, dtype=np.float32)[np.arange(8) // 4]
    senses = find_senses(vectors, in_lists, options=DescribeOptions(sense_margin=0.0))
    kind = SenseItems("word", items, np.ones(1, np.int64), 8, np.ones(1), 1)
    sense_evidence(kind, lists, senses.labels, lists=np.arange(1), times_longer=np.ones(4), min_share=0.0)
