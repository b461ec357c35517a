"""A large corpus from a small one: real sentences, repeated with their words shuffled, as a corpus folder.

python benchmarks/shuffled_corpus.py CORPUS OUT N
"""

import json
import os
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neurolect.corpus.folder import fingerprint as corpus_fingerprint
from neurolect.corpus.shards import file_hash

_FIELDS = ("domain",)
_LONGEST = 32
"""Words; with it the real sentences are of 25 model tokens on average, as in earlier measurements."""
_COLUMNS = ("sentence_id", "document_id", "position", "held_out", "n_in_document", "n_words", "text", *_FIELDS)


def write_shard(source: str, target: str, number: int, first_id: int, n: int) -> dict[str, Any]:
    """Write one shard of shuffled sentences; the first round keeps the words' order."""
    tables = [
        pq.read_table(each, columns=list(_COLUMNS)) for each in sorted(Path(source).glob("sentences/*.parquet"))
    ]
    whole = pa.concat_tables(tables).unify_dictionaries()
    whole = whole.filter(pc.less_equal(whole.column("n_words"), _LONGEST))
    rng = random.Random(number)
    rows = np.arange(first_id, first_id + n)
    table = whole.take(pa.array(rows % whole.num_rows))
    texts = table.column("text").to_pylist()
    for row in np.flatnonzero(rows >= whole.num_rows):
        words = texts[row].split()
        rng.shuffle(words)
        texts[row] = " ".join(words)
    replaced = {
        "sentence_id": pa.array(rows),
        "held_out": pa.array(np.zeros(n, dtype=bool)),
        "text": pa.array(texts),
    }
    for name, column in replaced.items():
        table = table.set_column(table.column_names.index(name), name, column)
    path = Path(target) / "sentences" / f"part-{number:05d}.parquet"
    pq.write_table(table, path, row_group_size=16_384, compression="zstd")
    return {
        "file": str(path.relative_to(target)),
        "n_sentences": n,
        "n_held_out": 0,
        "first_sentence_id": first_id,
        "bytes": path.stat().st_size,
        "blake2b": file_hash(path),
    }


def make_corpus(source: Path, target: Path, n_sentences: int) -> None:
    (target / "sentences").mkdir(parents=True)
    size = 200_000
    starts = range(0, n_sentences, size)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(write_shard, str(source), str(target), k, first, min(size, n_sentences - first))
            for k, first in enumerate(starts)
        ]
        shards = [job.result() for job in jobs]
    manifest = json.loads((source / "manifest.json").read_text())
    fields = [each for each in manifest["fields"] if each["name"] in _FIELDS]
    manifest |= {"fields": fields, "shards": shards, "fingerprint": corpus_fingerprint(shards, fields)}
    manifest |= {"n_sentences": n_sentences, "n_mining": n_sentences, "n_held_out": 0}
    (target / "manifest.json").write_text(json.dumps(manifest))


if __name__ == "__main__":
    make_corpus(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
