"""Labels of tokens equal those that a plain loop reads off; sentences hold what labels speak of."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from neurolect.corpus.sentences.words import split_words, word_spans
from neurolect.signatures.annotation.annotate import HEADS, WORDS, Annotations
from neurolect.signatures.annotation.coding import CodedSentences, code_sentences
from neurolect.signatures.firing.holding import hold_grammar, hold_words
from neurolect.signatures.firing.labels import (
    PLACES,
    WITHIN,
    Labels,
    Read,
    context_of,
    grammar_of,
    name_of,
    read_from,
    words_at,
)
from neurolect.signatures.firing.listed_tokens import may_fire
from neurolect.signatures.firing.token_words import TokenWords, token_words
from neurolect.store import Run
from tests.tiny_models import tiny_tokenizer

TEXTS = [
    "The great bank, and the oil.",
    "he can't unfold it \u2014 not even (the) car!",
    "no",
    "  Caf\u00e9s are good,   they said: \u201cgood car\u201d",
]
WORDS_OF = [split_words(text) for text in TEXTS]
TAGS_OF = [["T" + str(len(word) % 3) for word in words] for words in WORDS_OF]
RELATIONS_OF = [["r" + str(len(word) % 2) for word in words] for words in WORDS_OF]
ANNOTATIONS = Annotations(
    words=pa.array(WORDS_OF, WORDS),
    tags=pa.array(TAGS_OF, WORDS),
    heads=pa.array([[-1] * len(words) for words in WORDS_OF], HEADS),
    relations=pa.array(RELATIONS_OF, WORDS),
)
CODED: CodedSentences = code_sentences(ANNOTATIONS)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> TokenWords:
    folder = tmp_path_factory.mktemp("tokenizer")
    tiny_tokenizer().save_pretrained(folder)
    return token_words(TEXTS, ANNOTATIONS.words, CODED, tokenizer=str(folder))


@pytest.fixture(scope="module")
def read(tokens: TokenWords) -> Read:
    return read_from(TEXTS, ANNOTATIONS, CODED, tokens)


def by_hand(tokens: TokenWords) -> list[tuple[int, int | None, int, int]]:
    """Sentence, place of the word, and characters of every token."""
    found = []
    for row, text in enumerate(TEXTS):
        spans = word_spans(text, WORDS_OF[row])
        for at in range(tokens.offsets[row], tokens.offsets[row + 1]):
            start, end = int(tokens.starts[at]), int(tokens.ends[at])
            own = [k for k, (a, b) in enumerate(spans) if max(a, start) < min(b, end)]
            found.append((row, own[0] if own else None, start, end))
    return found


def names_of(read: Read, labels: Labels, n: int) -> list[set[str]]:
    found: list[set[str]] = [set() for _ in range(n)]
    for row, key in zip(labels.rows.tolist(), labels.keys.tolist(), strict=True):
        found[row].add(name_of(read, key))
    assert sum(map(len, found)) >= len(set(zip(labels.rows.tolist(), labels.keys.tolist(), strict=True))) - n
    return found


def test_tokens_are_of_the_first_word_they_touch(tokens: TokenWords) -> None:
    for at, (row, word, _, _) in enumerate(by_hand(tokens)):
        assert tokens.words[at] == (-1 if word is None else CODED.offsets[row] + word)


def test_a_space_is_of_the_word_after_it(tmp_path: Path) -> None:
    backend = Tokenizer(models.WordLevel({"[UNK]": 0, " ": 1, "in": 2, "2": 3, "0": 4}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"\d|\s|\w+"), "isolated")
    backend.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text("{}")
    words = pa.array([["in", "20"]], WORDS)
    annotations = Annotations(words=words, tags=pa.nulls(1, WORDS))
    coded = code_sentences(annotations)
    tokens = token_words(["in 20"], words, coded, tokenizer=str(tmp_path))
    assert tokens.words.tolist() == [0, 1, 1, 1]
    read = read_from(["in 20"], annotations, coded, tokens)
    found = names_of(read, words_at(read, np.arange(4)), 4)
    assert found == [{"in"}, {"20", "(space)"}, {"20", "2-"}, {"20", "-0"}]


def test_words_and_pieces(read: Read, tokens: TokenWords) -> None:
    every = by_hand(tokens)
    found = names_of(read, words_at(read, np.arange(len(every))), len(every))
    for at, (row, word, start, end) in enumerate(every):
        expected = set()
        if word is not None:
            expected.add(WORDS_OF[row][word].lower())
            same = [each for each in range(len(every)) if every[each][:2] == (row, word)]
            if len(same) > 1:
                text = TEXTS[row][start:end].lower()
                expected.add(("-" if at > same[0] else "") + text + ("-" if at < same[-1] else ""))
        assert found[at] == expected


def test_context(read: Read, tokens: TokenWords) -> None:
    every = by_hand(tokens)
    found = names_of(read, context_of(read, np.arange(len(every))), len(every))
    for at, (row, word, _, _) in enumerate(every):
        expected = set()
        if word is not None:
            words = [each.lower() for each in WORDS_OF[row]]
            expected |= {f'up to {WITHIN} words after "{each}"' for each in words[max(0, word - WITHIN) : word]}
            expected |= {f'at the end of "{" ".join(words[word - k : word + 1])}"' for k in (1, 2) if word >= k}
            expected |= {f'after "{words[word - 1]}"'} if word else set()
            expected |= {f'before "{words[word + 1]}"'} if word + 1 < len(words) else set()
        assert found[at] == expected


def test_tags_relations_and_places(read: Read, tokens: TokenWords) -> None:
    every = by_hand(tokens)
    found = names_of(read, grammar_of(read, np.arange(len(every))), len(every))
    for at, (row, word, start, end) in enumerate(every):
        expected = set() if word is None else {TAGS_OF[row][word], f"relation {RELATIONS_OF[row][word]}"}
        own = [each for each in range(len(every)) if every[each][0] == row and every[each][2] < every[each][3]]
        if start == end:
            expected.add("special token")
        elif own.index(at) < 3:
            expected.add(PLACES[own.index(at)])
        elif at == own[-1]:
            expected.add("last token")
        assert found[at] == expected


def test_a_subset_of_tokens_has_the_same_labels(read: Read, tokens: TokenWords) -> None:
    chosen = np.arange(1, len(tokens.words), 3)
    for labels in (words_at, context_of, grammar_of):
        whole = names_of(read, labels(read, np.arange(len(tokens.words))), len(tokens.words))
        assert names_of(read, labels(read, chosen), len(chosen)) == [whole[each] for each in chosen]


def test_sentences_hold_what_labels_speak_of() -> None:
    labels = ["the", 'after "bank"', 'before "good"', 'at the end of "the oil"', "un-", "-old", "-nfol-", "nowhere"]
    labels += [f'up to {WITHIN} words after "no"', 'at the end of "good car it"', "good"]
    rows, found = hold_words(labels, CODED)
    held = {(int(row), labels[each]) for row, each in zip(rows, found, strict=True)}
    assert held == {
        (0, "the"), (1, "the"), (0, 'after "bank"'), (3, 'before "good"'), (0, 'at the end of "the oil"'),
        (1, "un-"), (1, "-old"), (1, "-nfol-"), (2, f'up to {WITHIN} words after "no"'), (3, "good"),
    }  # fmt: skip


def test_sentences_hold_tags_and_relations_but_no_place() -> None:
    labels = ["T0", "relation r1", "first token", "T9"]
    rows, found = hold_grammar(labels, CODED, ANNOTATIONS)
    held = {(int(row), labels[each]) for row, each in zip(rows, found, strict=True)}
    expected = {(row, "T0") for row, tags in enumerate(TAGS_OF) if "T0" in tags}
    assert held == expected | {(row, "relation r1") for row, each in enumerate(RELATIONS_OF) if "r1" in each}


def test_only_pooled_tokens_may_fire(tokens: TokenWords) -> None:
    special = 2  # [CLS] and [SEP] around each sentence
    for pooled, skip, longest in (("exclude", 0, None), ("exclude", 2, 8), ("include", 1, 8), ("exclude", 99, 6)):
        options = {"model": {"special_tokens": pooled, "skip_first": skip}}
        run = SimpleNamespace(manifest={"options": options, "model": {"max_tokens": longest}})
        found = may_fire(tokens, cast("Run", run))
        for row in range(len(TEXTS)):
            n = int(tokens.offsets[row + 1] - tokens.offsets[row])
            here = found[tokens.offsets[row] : tokens.offsets[row + 1]].tolist()
            own = min(n, longest or n) - special
            if pooled == "exclude":
                expected = [False] + [skip <= at < own for at in range(n - special)] + [False]
            else:
                expected = [at >= skip and (at in (0, n - 1) or at <= own) for at in range(n)]
            assert here == expected
