"""Tokenizers of every family, made offline: WordPiece, byte-level BPE, Unigram, BPE that falls back to bytes."""

import string
from functools import cache

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from tests.tiny_models import tiny_tokenizer

TEXT = [
    "The quick brown fox doesn't jump over the lazy dogs , he said .",
    "A caf\u00e9 in S\u00e3o Paulo costs 3.5 % of what a well-known U.S. bank is worth .",
    "See http://a.org/x?y=1 or write to someone@example.com about #topics .",
    "\u4eca\u5929\u5f88\u597d \u6771\u4eac \u3067\u306f \ud55c\uad6d\uc5b4",
] * 20
SPACE = "\u2581"


def _fast(backend: Tokenizer, **names: str) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=64, **names)


def _word_piece() -> PreTrainedTokenizerFast:
    """As BERT's, uncased: accents are stripped, each Chinese character is a word."""
    letters = [*string.ascii_lowercase, *string.digits, *string.punctuation, "\u4eca", "\u5929"]
    words = ["the", "cafe", "quick", "##ing", "##ed", "don", "http", "well", "known"]
    pieces = ["[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{each}" for each in letters), *words]
    vocabulary = {each: number for number, each in enumerate(dict.fromkeys(pieces))}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    return _fast(backend, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


def _byte_level(*, prefix: bool, trimmed: bool) -> PreTrainedTokenizerFast:
    """As GPT-2's, or with a space put before the text as RoBERTa's may have."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        TEXT, trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    )
    if trimmed:
        backend.post_processor = processors.ByteLevel(trim_offsets=True)
    return _fast(backend)


def _unigram() -> PreTrainedTokenizerFast:
    """As SentencePiece's: NFKC, a mark for every space and before the first word."""
    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=260, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator(TEXT, trainer)
    return _fast(backend, unk_token="<unk>")


def _byte_fallback() -> PreTrainedTokenizerFast:
    """As Llama 2's: spaces are replaced before anything else, what is unknown becomes bytes."""
    pieces = [*(f"<0x{each:02X}>" for each in range(256)), "<unk>", SPACE, *string.printable[:94]]
    merges = [(SPACE, "t"), (SPACE + "t", "h"), ("i", "n"), ("in", "g"), (SPACE, SPACE)]
    vocabulary = {each: number for number, each in enumerate([*pieces, *("".join(pair) for pair in merges)])}
    backend = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    return _fast(backend, unk_token="<unk>")


@cache
def tokenizer_of(family: str) -> PreTrainedTokenizerFast:
    """Make a tokenizer of a family, once."""
    makers = {
        "letters": tiny_tokenizer,
        "word piece": _word_piece,
        "byte-level": lambda: _byte_level(prefix=False, trimmed=False),
        "byte-level, trimmed": lambda: _byte_level(prefix=False, trimmed=True),
        "byte-level, prefixed": lambda: _byte_level(prefix=True, trimmed=True),
        "unigram": _unigram,
        "byte fallback": _byte_fallback,
    }
    return makers[family]()


FAMILIES = (
    "word piece",
    "byte-level",
    "byte-level, trimmed",
    "byte-level, prefixed",
    "unigram",
    "byte fallback",
)
