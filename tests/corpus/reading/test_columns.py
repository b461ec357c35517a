"""CoNLL-like files as rows, and lists of Parquet files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.corpus import PrepareOptions, prepare
from neurolect.corpus.reading.rows import Row, RowReader
from neurolect.corpus.reading.sources import find_sources
from neurolect.errors import CorpusError

CONLL_U = """\
# newdoc id = letter
# sent_id = s1
# text = Don't panic.
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tpanic\tpanic\tVERB\tVB\t_\t0\troot\t_\tSpaceAfter=No
3.1\tyou\tyou\tPRON\tPRP\t_\t_\t_\t_\t_
4\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_

# sent_id = s2
1\t_\t_\tSYM\t_\t_\t0\troot\t_\t_
"""
CONLL_2003 = """\
-DOCSTART- -X- O O

# # O O
1 CD B-NP O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

-DOCSTART- -X- O O

Peter NNP B-NP B-PER
"""


def rows(path: Path, *, skip: bool = False) -> tuple[list[Row], RowReader]:
    reader = RowReader(PrepareOptions(skip_broken_lines=skip), lists=True)
    [source] = find_sources(path)
    return list(reader.rows(source)), reader


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_conll_u(tmp_path: Path) -> None:
    (first, second), _ = rows(write(tmp_path / "a.conllu", CONLL_U))
    assert first["text"] == "Don't panic."
    assert first["tokens"] == ["Do", "n't", "panic", "."]
    assert first["head"] == ["3", "3", "0", "3"]
    assert first["deprel"] == ["aux", "advmod", "root", "punct"]
    assert first["feats"] == [None] * 4
    assert (first["document"], first["sent_id"]) == ("letter", "s1")
    assert (second["tokens"], second["upos"], second["text"]) == (["_"], ["SYM"], "_")


def test_columns_between_spaces_and_documents(tmp_path: Path) -> None:
    found, _ = rows(write(tmp_path / "a.conll", CONLL_2003))
    assert [each["tokens"] for each in found] == [["#", "1"], ["EU", "rejects"], ["Peter"]]
    assert [each["ner"] for each in found] == [["O", "O"], ["B-ORG", "O"], ["B-PER"]]
    assert [each["document"] for each in found] == ["1", "1", "2"]


def test_other_columns_have_numbers_or_the_names_the_file_gives(tmp_path: Path) -> None:
    five = "a 1 x y z\nb 2 x y z\n"
    [row], _ = rows(write(tmp_path / "a.conll", five))
    assert (row["tokens"], row["column_2"]) == (["a", "b"], ["1", "2"])
    [row], _ = rows(write(tmp_path / "b.conllup", "# global.columns = FORM SENSE\na\t1\n"))
    assert (row["tokens"], row["sense"]) == (["a"], ["1"])


def test_a_line_with_other_columns_costs_its_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conll", "a A\nb B\n\nc C\nd\ne E\n\nf F\n")
    with pytest.raises(CorpusError, match=r"a\.conll:5 is no word's line: it has 1 columns, the first 2"):
        rows(path)
    found, reader = rows(path, skip=True)
    assert [each["tokens"] for each in found] == [["a", "b"], ["f"]]
    assert reader.n_broken == 1


def test_lists_of_parquet_files(tmp_path: Path) -> None:
    table = pa.table(
        {
            "tokens": pa.array([["a", "b"], None, []], pa.list_(pa.string())),
            "large": pa.array([[1.5], [2.0, None], None], pa.large_list(pa.float64())),
            "fixed": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.int32(), 2)),
            "deep": pa.array([[["x"]], [[]], [None]], pa.list_(pa.list_(pa.string()))),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found, _ = rows(tmp_path / "a.parquet")
    assert found == table.to_pylist()


def test_prepare_reads_the_sentences_of_a_treebank(tmp_path: Path) -> None:
    lines = "".join(f"The\tDT\ndog\tNN\nruns\tVBZ\nhome\tNN\n{n}\tCD\n\n" for n in range(20))
    corpus = prepare([write(tmp_path / "a.conll", lines)], out=tmp_path / "corpus")
    assert corpus.n_sentences == 20
