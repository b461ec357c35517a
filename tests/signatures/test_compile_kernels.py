import numpy as np

from neurolect.signatures import inverted
from neurolect.signatures.compile_kernels import compile_kernels
from neurolect.signatures.counting import depths, items
from neurolect.signatures.evidence import sense_tables as sense_evidence
from neurolect.signatures.mining import index as pattern_index
from neurolect.signatures.mining import prefixspan
from neurolect.signatures.patterns import indexed_lists
from neurolect.signatures.patterns.skip_ngrams import mine_skip_ngrams
from neurolect.signatures.vectors import senses

KERNELS = (
    indexed_lists._add_up,
    indexed_lists._report_lists,
    depths._cluster_strongest,
    depths._held_kernel,
    inverted._inverted,
    inverted.count_inside,
    inverted.postings,
    items._count_kernel,
    pattern_index._find_in_sentences,
    prefixspan._grow_patterns,
    sense_evidence._count_kernel,
    senses._find_in_lists,
)


def test_what_is_compiled_early_is_what_runs() -> None:
    compile_kernels()
    before = [len(kernel.signatures) for kernel in KERNELS]
    assert min(before) == 1
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, 300, dtype=np.int32)
    mine_skip_ngrams(
        codes,
        np.arange(0, 301, 6),
        lists=np.stack([random.permutation(50).astype(np.int32) for _ in range(6)]),
        background_rows=np.flatnonzero(np.arange(50) % 2),
        item="tag",
        allowed=np.ones(4, np.bool_),
        workers=2,
    )
    assert [len(kernel.signatures) for kernel in KERNELS] == before
