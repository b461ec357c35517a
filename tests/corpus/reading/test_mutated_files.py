"""Files that were damaged at random: each is read or refused in one message, and what is read adds up."""

import bz2
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.corpus import PrepareOptions
from neurolect.corpus.reading.documents import DocumentReader
from neurolect.corpus.reading.sources import find_sources
from neurolect.errors import CorpusError

ROWS = [
    {"text": f"A sentence \u201cwith\u201d number {n}.", "year": 1900 + n, "topic": "ab"[n % 2]} for n in range(120)
]
INSERTS = [b'"', b"\0", b"\r", b"\xe2\x80\xa8", b"\n", b"1e999", b"\\", b"{", b"sep=;\n", b"\xff\xfe", b"\t"]


def parquet(**how: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), buffer, row_group_size=40, **how)
    return buffer.getvalue()


def whole_files() -> dict[str, bytes]:
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
    table = "text,year,topic\n" + "\n".join(f'"{r["text"]}",{r["year"]},{r["topic"]}' for r in ROWS)
    text = "\n".join(str(row["text"]) for row in ROWS)
    files = {"a.jsonl": lines.encode(), "a.csv": table.encode(), "a.txt": text.encode()}
    packed = {
        f"{name}{ending}": pack(data)
        for name, data in files.items()
        for ending, pack in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress))
    }
    return {
        **files,
        **packed,
        "a.tsv": table.replace(",", "\t").encode(),
        "b.csv": table.encode("utf-16"),
        "b.txt": text.encode("cp1252"),
        "a.parquet": parquet(),
        "b.parquet": parquet(compression="zstd", write_page_checksum=True),
        "c.parquet": parquet(compression="none"),
        "d.parquet.gz": gzip.compress(parquet()),
    }


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Flip, cut, overwrite, repeat or insert at a random place."""
    changed = bytearray(data)
    place, n = rng.randrange(len(changed)), rng.randrange(1, 300)
    part = bytes(changed[place : place + n])
    ways: list[Callable[[], object]] = [
        lambda: changed.__setitem__(place, changed[place] ^ (1 << rng.randrange(8))),
        lambda: changed.__setitem__(slice(place, None), b""),
        lambda: changed.__setitem__(slice(place, place + n), bytes(len(part))),
        lambda: changed.__setitem__(slice(place, place + n), rng.randbytes(len(part))),
        lambda: changed.__setitem__(slice(place, place), part),
        lambda: changed.__setitem__(slice(place, place), rng.choice(INSERTS)),
        lambda: changed.__setitem__(-rng.randrange(1, min(600, len(changed))), rng.randrange(256)),
    ]
    rng.choice(ways)()
    return bytes(changed)


def read_damaged(folder: Path, *, n: int, seed: int) -> tuple[int, int]:
    rng = random.Random(seed)
    files = whole_files()
    n_read = n_refused = 0
    for _ in range(n):
        name = rng.choice(list(files))
        (folder / name).write_bytes(damaged(files[name], rng))
        try:
            options = PrepareOptions(skip_broken_lines=rng.random() < 0.5)
            reader = DocumentReader(find_sources(folder / name), options=options)
            n_documents = sum(1 for _ in reader.documents())
            rows, characters = reader.sums()
            assert rows.read == sum(rows.parts.values()) >= n_documents
            assert characters.read == sum(characters.parts.values())
            n_read += 1
        except CorpusError:
            n_refused += 1
    return n_read, n_refused


def test_whole_files_are_read(tmp_path: Path) -> None:
    for name, data in whole_files().items():
        (tmp_path / name).write_bytes(data)
        reader = DocumentReader(find_sources(tmp_path / name), options=PrepareOptions(text_documents="line"))
        assert sum(1 for _ in reader.documents()) == 120, name


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    n_read, n_refused = read_damaged(tmp_path, n=150, seed=0)
    assert n_read > 20
    assert n_refused > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_many_damaged_files_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    read_damaged(tmp_path, n=2000, seed=seed)
