"""A corpus of some sentences of another: the same folder format, the held-out part as it is."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus.folder import Corpus, Manifest, fingerprint, open_corpus
from neurolect.corpus.shards import ShardWriter
from neurolect.errors import CorpusError
from neurolect.folders.atomic import replacing_folder, write_json
from neurolect.folders.formats import neurolect_version
from neurolect.statistics.sorting import distinct

AT_ONCE = 65_536


def extract(
    corpus: Corpus, sentence_ids: NDArray[np.integer], *, out: str | Path, notices: Sequence[str]
) -> Corpus:
    """Write some sentences of a corpus, and its whole held-out part, as a corpus of their own.

    ``sentence_ids``: Of the mining part, in any order; they are written in the order of the corpus and get new ids.
    ``notices``: What the manifest says of the choice.
    """
    folder = Path(out)
    if folder.exists() and any(folder.iterdir()):
        what = f"{folder} is there already; nothing is overwritten."
        raise CorpusError(what, expected="a folder that does not exist yet", hint="give another --out")
    held_out = corpus.sentence_ids("held_out")
    wanted = distinct(np.concatenate([np.asarray(sentence_ids, dtype=np.int64), held_out.astype(np.int64)]))
    columns = [name for name in corpus.columns if name not in ("sentence_id", "held_out")]
    with replacing_folder(folder, error=CorpusError, fresh=True) as temporary:
        writer, documents = ShardWriter(temporary), 0
        last = -1
        try:
            for start in range(0, len(wanted), AT_ONCE):
                ids = wanted[start : start + AT_ONCE]
                table = corpus.take(ids, columns=columns)
                numbers = table.column("document_id").to_numpy()
                steps = np.diff(numbers, prepend=last)
                documents += int(np.count_nonzero(steps))
                last = int(numbers[-1])
                writer.write(_plain(table), held_out=np.isin(ids, held_out))
            writer.close()
        finally:
            writer.abandon()
        manifest = _manifest(corpus, writer, n_documents=documents, notices=notices)
        write_json(temporary / "manifest.json", dict(manifest))
    return open_corpus(folder)


def _plain(table: pa.Table) -> pa.Table:
    """Give a table chunks that can be written as one."""
    return table.unify_dictionaries().combine_chunks()


def _manifest(corpus: Corpus, writer: ShardWriter, *, n_documents: int, notices: Sequence[str]) -> Manifest:
    """Say what the new corpus is: as the old one, with the counts of what was taken."""
    n_held_out = sum(entry["n_held_out"] for entry in writer.entries)
    made: dict[str, Any] = {name: value for name, value in corpus.manifest.items() if name != "sums"}
    made |= {
        "neurolect": neurolect_version(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": 0.0,
        "notices": list(notices),
        "n_documents": n_documents,
        "n_sentences": writer.n_sentences,
        "n_mining": writer.n_sentences - n_held_out,
        "n_held_out": n_held_out,
        "shards": writer.entries,
        "fingerprint": fingerprint(writer.entries, corpus.fields),
    }
    return cast("Manifest", made)  # without sums: those are of the documents that the whole corpus was read from
