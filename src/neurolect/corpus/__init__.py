"""The corpus stage: sources of documents become a folder of sentences with metadata."""

from neurolect.corpus.corpus import Corpus, Part, open_corpus
from neurolect.corpus.normalise import normalise
from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.prepare import prepare
from neurolect.corpus.split import split_sentences
from neurolect.corpus.words import is_word, split_words

__all__ = [
    "Corpus",
    "Part",
    "PrepareOptions",
    "is_word",
    "normalise",
    "open_corpus",
    "prepare",
    "split_sentences",
    "split_words",
]
