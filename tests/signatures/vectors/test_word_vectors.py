"""Word vectors: training is repeatable; sentence vectors are means of them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from neurolect.errors import MissingExtraError
from neurolect.signatures.annotation.annotate import WORDS, Annotations
from neurolect.signatures.annotation.coding import CodedSentences, code_sentences
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.vectors.word_vectors import plain_sentence_vectors, sentence_vectors, train_vectors


def coded(*sentences: str) -> CodedSentences:
    words = pa.array([sentence.split() for sentence in sentences], type=WORDS)
    return code_sentences(Annotations(words=words, tags=pa.nulls(len(sentences), type=WORDS)))


PETS = coded("The cat sleeps .", "the dog sleeps", "a Berlin street", ". .")
TRAIN = """
import hashlib
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.vectors.word_vectors import train_vectors
from tests.signatures.vectors.test_word_vectors import PETS
options = DescribeOptions(vector_size=8, vector_sentences=3)
print(hashlib.sha256(train_vectors(PETS, options=options).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_training_is_the_same_whatever_the_hash_seed() -> None:
    digests = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        root = Path(__file__).parents[2]
        done = subprocess.run(
            [sys.executable, "-c", TRAIN], env=environment, cwd=root, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_training_is_repeatable_and_gives_words_only() -> None:
    pytest.importorskip("gensim")
    options = DescribeOptions(vector_size=8)
    first, second = train_vectors(PETS, options=options), train_vectors(PETS, options=options)
    np.testing.assert_array_equal(first, second)
    assert first.shape == (len(PETS.vocabulary), 8)
    assert not first[PETS.vocabulary.index(".")].any()
    assert first[PETS.vocabulary.index("sleeps")].any()


def test_nothing_to_learn_gives_zeros() -> None:
    pytest.importorskip("gensim")
    assert not train_vectors(coded("one two", "three"), options=DescribeOptions()).any()


def test_gensim_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(MissingExtraError, match=r"vectors=none(.|\n)*pip install "):
        train_vectors(PETS, options=DescribeOptions())


def test_sentence_vectors_are_centred_means_of_unit_words() -> None:
    words = np.zeros((len(PETS.vocabulary), 2), dtype=np.float32)
    words[PETS.vocabulary.index("cat")] = [5.0, 0.0]
    words[PETS.vocabulary.index("dog")] = [0.0, 0.1]
    words[PETS.vocabulary.index("sleeps")] = [0.0, 7.0]
    vectors = sentence_vectors(PETS, words)
    # means (0.5, 0.5) and (0, 1), their mean (0.25, 0.75): opposite directions
    np.testing.assert_allclose(vectors[:2], np.array([[1, -1], [-1, 1]]) / np.sqrt(2), rtol=1e-5)
    assert not vectors[2:].any()


def test_plain_sentence_vectors_are_means_of_the_vectors_there_are() -> None:
    words = np.zeros((len(PETS.vocabulary), 2), dtype=np.float32)
    words[PETS.vocabulary.index("cat")] = [5.0, 0.0]
    words[PETS.vocabulary.index("sleeps")] = [0.0, 7.0]
    words[PETS.vocabulary.index(".")] = [1.0, 2.0]
    vectors = plain_sentence_vectors(PETS, words)
    np.testing.assert_allclose(vectors, [[2.0, 3.0], [0.0, 7.0], [0.0, 0.0], [1.0, 2.0]])
