from collections import Counter

import pyarrow.parquet as pq

from neurolect.demo_data import documents_path


def test_the_documents_are_many_small_and_balanced() -> None:
    path = documents_path()
    table = pq.read_table(path)
    domains = Counter(table["domain"].to_pylist())
    assert path.stat().st_size < 5_000_000
    assert len(domains) >= 4
    n_characters: Counter[str] = Counter()
    for row in table.select(["text", "domain"]).to_pylist():
        n_characters[row["domain"]] += len(row["text"])
    assert max(n_characters.values()) < 0.3 * n_characters.total()
    assert min(n_characters.values()) > 0.03 * n_characters.total()


def test_every_document_has_text_and_a_domain_and_is_there_once() -> None:
    table = pq.read_table(documents_path())
    texts = table["text"].to_pylist()
    assert all(texts)
    assert len(set(texts)) == len(texts)
    assert table["domain"].null_count == 0
    assert set(table["sentiment"].to_pylist()) == {"positive", "negative", "neutral", None}


def test_the_provenance_names_every_domain_and_its_counts() -> None:
    table = pq.read_table(documents_path(), columns=["domain"])
    page = documents_path().with_name("PROVENANCE.md").read_text(encoding="utf-8")
    for domain, n in Counter(table["domain"].to_pylist()).items():
        row = next(line for line in page.splitlines() if line.startswith(f"| {domain} |"))
        assert f"| {n:,} |" in row
