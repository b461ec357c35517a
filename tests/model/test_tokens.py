"""Model tokens equal those of the Hugging Face tokenizer itself."""

import numpy as np
import pytest

from neurolect.model.tokens import TokenizedSentences, tokenize
from tests.tiny_models import tiny_tokenizer

TEXTS = ["The movie was great!", "", "zebra [SEP]", "[UNK] \u4e16", "of the " * 40, "  ", "a" * 9]


class WithoutBackend:
    """A tokenizer in plain Python, as some models still have."""

    model_max_length = 64
    pad_token_id: int | None = 0
    bos_token_id: int | None = None

    def __init__(self) -> None:
        self._inner = tiny_tokenizer()
        self.all_special_ids: list[int] = self._inner.all_special_ids

    def __call__(self, texts: list[str], **keywords: object) -> dict[str, list[list[int]]]:
        return dict(self._inner(texts, **keywords))

    def __len__(self) -> int:
        return len(self._inner)

    def convert_ids_to_tokens(self, ids: int) -> str:
        return str(self._inner.convert_ids_to_tokens(ids))

    def num_special_tokens_to_add(self, *, pair: bool) -> int:
        return int(self._inner.num_special_tokens_to_add(pair=pair))


def per_sentence(tokens: TokenizedSentences) -> list[list[int]]:
    return [part.tolist() for part in np.split(tokens.ids, tokens.offsets[1:-1])]


def test_ids_equal_those_of_the_tokenizer() -> None:
    tokenizer = tiny_tokenizer()
    got = tokenize(tokenizer, TEXTS, max_tokens=10)
    assert per_sentence(got) == tokenizer(TEXTS, truncation=True, max_length=10)["input_ids"]
    assert got.ids.dtype == np.int32
    assert got.lengths.tolist() == [7, 2, 8, 4, 10, 2, 10]
    # Cut: the repeated words and the nine letters, which make eleven tokens.
    assert got.n_cut == 2
    assert got.empty.tolist() == [1, 5]


def test_a_special_token_in_the_text_is_text() -> None:
    tokenizer = tiny_tokenizer()
    got = tokenize(tokenizer, ["[UNK]", "\u4e16", "[SEP] of [SEP]"], max_tokens=10)
    assert (got.first.tolist(), got.end.tolist()) == ([1, 1, 1], [2, 2, 4])
    assert len(got.empty) == 0


def test_first_tokens_are_left_out_of_pooling_and_others_put_before() -> None:
    got = tokenize(tiny_tokenizer(), TEXTS, max_tokens=10)
    assert got.without_first(0) is got
    for n in (1, 3, 99):
        fewer = got.without_first(n)
        pooled = [max(0, end - first - n) for first, end in zip(got.first, got.end, strict=True)]
        assert (fewer.end - fewer.first).tolist() == pooled
        assert fewer.empty.tolist() == [each for each, left in enumerate(pooled) if not left]
        assert per_sentence(fewer) == per_sentence(got)
    longer = got.with_first(7)
    assert per_sentence(longer) == [[7, *each] for each in per_sentence(got)]
    assert (longer.first - got.first).tolist() == (longer.end - got.end).tolist() == [1] * len(TEXTS)
    assert got.with_first(7, pooled=True).first.tolist() == got.first.tolist()


def test_special_tokens_can_be_pooled_too() -> None:
    got = tokenize(tiny_tokenizer(), ["of", ""], max_tokens=10, include_special=True)
    assert (got.first.tolist(), got.end.tolist()) == ([0, 0], [3, 2])
    assert len(got.empty) == 0


def test_without_special_tokens_an_empty_sentence_is_still_reported() -> None:
    got = tokenize(tiny_tokenizer(special=False), ["of", "", "the of"], max_tokens=1, include_special=True)
    assert (got.lengths.tolist(), got.empty.tolist(), got.n_cut) == ([1, 0, 1], [1], 1)


@pytest.mark.parametrize("include_special", [False, True])
def test_python_tokenizers_give_the_same(include_special: bool) -> None:
    fast = tokenize(tiny_tokenizer(), TEXTS, max_tokens=10, include_special=include_special)
    slow = tokenize(WithoutBackend(), TEXTS, max_tokens=10, include_special=include_special)
    for name in ("ids", "offsets", "empty"):
        assert getattr(fast, name).tolist() == getattr(slow, name).tolist()
    full = np.setdiff1d(np.arange(len(TEXTS)), fast.empty)
    for name in ("first", "end"):
        assert getattr(fast, name)[full].tolist() == getattr(slow, name)[full].tolist()
    assert fast.n_cut == slow.n_cut == 2


def test_no_sentences_are_no_error() -> None:
    got = tokenize(tiny_tokenizer(), [], max_tokens=10)
    assert (len(got.ids), got.offsets.tolist(), got.n_cut) == (0, [0], 0)
    assert len(tokenize(WithoutBackend(), [], max_tokens=10).first) == 0
