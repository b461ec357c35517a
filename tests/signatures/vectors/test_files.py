"""Files of word vectors: read in the forms there are, odd lines counted."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from neurolect.errors import DescribeError
from neurolect.signatures.vectors.files import FileVectors, read_vectors
from tests.signatures.vectors.test_word_vectors import PETS

LINES = ["cat 1 0", "dog 0.5 0.5", "Berlin 0 2", "berlin 3 3", "unwanted 1 2", "street 1 1"]


def of(found: FileVectors, word: str) -> list[float]:
    return [float(each) for each in found.vectors[PETS.vocabulary.index(word)]]


@pytest.mark.parametrize("head", [[], ["6 2"]])
@pytest.mark.parametrize("separator", [" ", "\t"])
@pytest.mark.parametrize("ending", [".vec", ".vec.gz"])
def test_text_files_are_read_in_all_their_forms(
    tmp_path: Path, head: list[str], separator: str, ending: str
) -> None:
    text = "\n".join([*head, *(line.replace(" ", separator) for line in LINES)]) + "\n"
    path = tmp_path / f"a{ending}"
    path.write_bytes(gzip.compress(text.encode()) if ending.endswith("gz") else text.encode())
    found = read_vectors(path, coded=PETS)
    assert of(found, "dog") == [0.5, 0.5]
    assert of(found, "berlin") == [3.0, 3.0]
    assert of(found, "the") == [0.0, 0.0]
    assert (found.n_odd, found.n_spaces, found.notices) == (0, 0, [])


def test_odd_lines_and_labels_with_spaces_are_counted(tmp_path: Path) -> None:
    odd = ["good movie 1 2", "cat one two", "dog 1", "", "street 1 nan", "dog 3 4 "]
    (tmp_path / "a.vec").write_text("\n".join(["6 2", *odd, "Berlin 0 2"]))
    found = read_vectors(tmp_path / "a.vec", coded=PETS)
    assert of(found, "dog") == [3.0, 4.0]
    assert of(found, "cat") == [0.0, 0.0]
    assert (found.n_odd, found.n_spaces) == (3, 1)
    assert found.notices == [
        "3 lines of the word vectors are not a word and its 2 numbers: left out.",
        "1 label has a space in the word vectors, which no word has: left out.",
    ]


def test_a_word_is_looked_up_in_its_most_common_spelling_too(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Berlin 0 2\n")
    assert of(read_vectors(tmp_path / "a.txt", coded=PETS), "berlin") == [0.0, 2.0]


def test_marks_have_vectors_where_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(". 1 2\ncat 0 1\n")
    assert of(read_vectors(tmp_path / "a.txt", coded=PETS), ".") == [0.0, 0.0]
    assert of(read_vectors(tmp_path / "a.txt", coded=PETS, punctuation=True), ".") == [1.0, 2.0]


def test_binary_files_of_word2vec_are_read(tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    rows = b"".join(
        word.encode() + b" " + struct.pack("<3f", *numbers) + b"\n"
        for word, numbers in (("cat", (1, 2, 3)), ("chat", (0, 0, 0)), ("dog", (0, 1, 0)))
    )
    (tmp_path / "a.bin").write_bytes(b"3 3\n" + rows)
    found = read_vectors(tmp_path / "a.bin", coded=PETS)
    assert of(found, "cat") == [1.0, 2.0, 3.0]
    assert of(found, "dog") == [0.0, 1.0, 0.0]
    (tmp_path / "a.bin").write_bytes(b"4 3\n" + rows)
    with pytest.raises(DescribeError, match="ends after 3 of 4 vectors"):
        read_vectors(tmp_path / "a.bin", coded=PETS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("cat one two\n", r"have none of the corpus's(.|\n)*1 of its lines are not a label"),
        ("chat 1 2\n", "have none of the corpus's"),
        ("cat\ndog\n", "has no line with a word and its vector"),
        ("", "has no line with a word and its vector"),
    ],
)
def test_wrong_files(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.vec").write_text(content)
    with pytest.raises(DescribeError, match=message):
        read_vectors(tmp_path / "a.vec", coded=PETS)


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(DescribeError, match="There is no file of word vectors"):
        read_vectors(tmp_path / "no.vec", coded=PETS)
    (tmp_path / "a.vec.gz").write_bytes(gzip.compress(b"cat 1 2\n" * 99)[:-9])
    with pytest.raises(DescribeError, match="cannot be read"):
        read_vectors(tmp_path / "a.vec.gz", coded=PETS)
    pytest.importorskip("gensim")
    (tmp_path / "a.bin").write_bytes(b"no model")
    with pytest.raises(DescribeError, match="cannot be read as a fastText model"):
        read_vectors(tmp_path / "a.bin", coded=PETS)


def test_a_file_of_fasttext_is_read(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("gensim.models.fasttext")
    model = fasttext.FastText(sentences=[["cat", "dog"], ["cat", "street"]] * 3, vector_size=7, min_count=1)
    fasttext.save_facebook_model(model, str(tmp_path / "a.bin"))
    found = read_vectors(tmp_path / "a.bin", coded=PETS)
    np.testing.assert_allclose(found.vectors[PETS.vocabulary.index("cat")], model.wv["cat"], rtol=1e-6)
    assert found.vectors.shape[1] == 7
