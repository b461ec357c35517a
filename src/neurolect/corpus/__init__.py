"""The corpus stage: sources of documents become a folder of sentences with metadata."""

from neurolect.corpus.folder import Corpus, Part, open_corpus
from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.prepare import prepare
from neurolect.corpus.reading.sources import register_source, unregister_source
from neurolect.corpus.sentences.normalise import normalise
from neurolect.corpus.sentences.split import split_sentences
from neurolect.corpus.sentences.words import is_word, split_words

__all__ = [
    "Corpus",
    "Part",
    "PrepareOptions",
    "is_word",
    "normalise",
    "open_corpus",
    "prepare",
    "register_source",
    "split_sentences",
    "split_words",
    "unregister_source",
]
