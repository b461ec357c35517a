"""Every kind of concept gives the labels it says it does."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect.errors import CorpusError, OptionError, ProbingError
from neurolect.probing.concepts import word_rules
from neurolect.probing.concepts.choose import labels_of
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.probing.concepts.sentences import Sentences, read_sentences
from neurolect.probing.concepts.word_lists import SUFFIXES

OPTIONS = ActivationsOptions()


def read(tmp_path: Path, *rows: dict[str, Any], **options: Any) -> Sentences:
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return read_sentences([path], options=ActivationsOptions(**options))


def words_of(*texts: str, tmp_path: Path, **columns: list[list[object]]) -> Sentences:
    rows = [{"tokens": each.split(" ")} for each in texts]
    return read(
        tmp_path, *(row | {name: values[n] for name, values in columns.items()} for n, row in enumerate(rows))
    )


def labelled(sentences: Sentences, concept: Any, **options: Any) -> dict[str, object]:
    """Give the labels of words by sentence number and word."""
    found = labels_of(sentences, concept, options=ActivationsOptions(**options))
    names = (
        f"{sentence} {sentences.words[sentence][word]}" if word >= 0 else str(sentence)
        for sentence, word in zip(found.sentences.tolist(), found.words.tolist(), strict=True)
    )
    return dict(zip(names, found.values.tolist(), strict=True))


@pytest.mark.parametrize(
    ("concept", "text", "expected"),
    [
        ("articles", "The dog saw an ape and a", {"The": 1, "an": 1, "a": 1}),
        ("months", "In May or Jan. or dec we marched", {"May": 1, "Jan.": 1, "dec": 1}),
        ("negation", "I didn't n't never know notable no", {"didn't": 1, "n't": 1, "never": 1, "no": 1}),
        ("intensifiers", "It is very so big Really", {"very": 1, "so": 1, "Really": 1}),
        ("conjunctions", "dogs and cats Because or", {"and": 1, "Because": 1, "or": 1}),
        ("punctuation", "a , -- b ... 3.5 ! don't", {",": 1, "--": 1, "...": 1, "!": 1}),
        ("numbers", "12 1,000.5 3rd 5% x2 ten-", {"12": 1, "1,000.5": 1, "3rd": 1, "5%": 1}),
        ("numbers", "1990s Seven -3 first sevens", {"1990s": 1, "Seven": 1, "-3": 1, "first": 1}),
        ("in-quotes", "he `` said so '' then \" x \" end", {"said": 1, "so": 1, "x": 1, "``": 0, "''": 0, '"': 0}),
        ("in-quotes", "he `` said so", {"``": 0}),
        ("in-brackets", "a ( b [ c ] d ) e", {"b": 1, "c": 1, "d": 1, "(": 0, "[": 0, "]": 0, ")": 0}),
        ("words=dog, Ape", "Dog ape cat", {"Dog": 1, "ape": 1}),
        ("regex=[a-c]+", "abc abcd cab", {"abc": 1, "cab": 1}),
    ],
)  # fmt: skip
def test_rules_that_oppose_words_to_all_others(
    concept: str, text: str, expected: dict[str, int], tmp_path: Path
) -> None:
    sentences = words_of(text, tmp_path=tmp_path)
    found = labels_of(sentences, concept, options=OPTIONS)
    assert found.opposed
    own = {
        text.split()[word]: value for word, value in zip(found.words.tolist(), found.values.tolist(), strict=True)
    }
    for word in text.split():
        match expected.get(word):
            case 1:
                assert own[word] != "other", word
            case 0:
                assert word not in own
            case _:
                assert own[word] == "other", word


def test_gendered_words_are_two_classes(tmp_path: Path) -> None:
    found = labelled(words_of("She met the actor and his Queen", tmp_path=tmp_path), "gendered")
    assert found == {"0 She": "feminine", "0 actor": "masculine", "0 his": "masculine", "0 Queen": "feminine"}


@pytest.mark.parametrize(
    "tags",
    [
        ["vbd", "bedz*", "vbz", "ber", "vb", "nn-tl", "nns$-hl"],
        ["VBD", "VBD", "VBZ", "VBP", "VB", "NNP", "NNPS"],
    ],
)
def test_sets_that_need_tags(tags: list[object], tmp_path: Path) -> None:
    sentences = words_of("a b c d e f g", tmp_path=tmp_path, tags=[tags])
    assert list(labelled(sentences, "verb-tense").values()) == ["past", "past", "present", "present"]
    assert list(labelled(sentences, "noun-number").values()) == ["singular", "plural"]


def test_a_pattern_of_tags(tmp_path: Path) -> None:
    sentences = words_of("the big dog saw a cat", tmp_path=tmp_path, tags=[["at", "jj", "nn", "vbd", "at", "nn"]])
    assert [word for word, label in labelled(sentences, "pattern=at jj* nn").items() if label == "match"] == [
        "0 the",
        "0 big",
        "0 dog",
    ]
    assert list(labelled(sentences, "pattern=at *").values()) == [
        "match",
        "match",
        "other",
        "other",
        "match",
        "match",
    ]


def test_the_longest_suffix_that_leaves_three_letters(tmp_path: Path) -> None:
    text = "nation kindness badly bed wings sing Movement movable able ly x-ing 1st fastest"
    found = labelled(words_of(text, tmp_path=tmp_path), "suffix")
    expected = {
        "nation": None,
        "kindness": "ness",
        "badly": "ly",
        "wings": "s",
        "Movement": "ment",
        "movable": "able",
    }
    expected |= {"fastest": "est"}
    assert found == {f"0 {word}": value for word, value in expected.items() if value}
    assert set(labelled(words_of(text, tmp_path=tmp_path), "suffix=ly,ing").values()) == {"ly"}
    assert len(SUFFIXES) == 13


def test_positions_lengths_and_frequencies_are_numbers(tmp_path: Path) -> None:
    sentences = words_of("a b c", "a", "a b", tmp_path=tmp_path)
    assert labelled(sentences, "position") == {"0 a": 0.0, "0 b": 0.5, "0 c": 1.0, "2 a": 0.0, "2 b": 1.0}
    assert labelled(sentences, "length") == {"0": 3.0, "1": 1.0, "2": 2.0}
    assert labelled(sentences, "frequency")["0 a"] == pytest.approx(np.log10(3))
    assert all(labels_of(sentences, each, options=OPTIONS).numeric for each in ("position", "length", "frequency"))


def test_bins_hold_about_as_many_occurrences_and_equal_counts_share_one() -> None:
    counts = Counter({f"w{n}": 1 + n // 4 for n in range(200)})
    bins = word_rules.frequency_bins(counts)
    sizes = Counter()  # type: ignore[var-annotated]
    for word, n in counts.items():
        sizes[bins[word]] += n
        assert bins[word] == bins[next(other for other, m in counts.items() if m == n)]
    assert len(sizes) == 5
    assert max(sizes.values()) < 1.4 * min(sizes.values())
    assert bins["w0"] == "1 of 5"
    assert bins["w199"] == "5 of 5"


def test_columns_values_and_tags_by_their_name(tmp_path: Path) -> None:
    sentences = words_of("a b", "c", tmp_path=tmp_path, tags=[["X", "Y"], ["X"]], sense=[[1, 2], [3]])
    assert labelled(sentences, "tags") == {"0 a": "X", "0 b": "Y", "1 c": "X"}
    assert labelled(sentences, "tags=X") == labelled(sentences, "X") == {"0 a": "X", "0 b": "other", "1 c": "X"}
    assert labelled(sentences, "sense") == {"0 a": "1", "0 b": "2", "1 c": "3"}
    assert labelled(sentences, "sense", labels="numbers") == {"0 a": 1.0, "0 b": 2.0, "1 c": 3.0}


def test_numbers_that_are_many_or_not_whole_are_numbers(tmp_path: Path) -> None:
    def numeric(values: list[object], **options: Any) -> bool:
        rows = ({"text": f"some text {n}", "y": value} for n, value in enumerate(values))
        return labels_of(read(tmp_path, *rows), "y", options=ActivationsOptions(**options)).numeric

    assert not numeric([0, 1, 1, 0])
    assert not numeric([1.0, 2.0])
    assert numeric([0.5, 1])
    assert numeric(list(range(21)))
    assert not numeric(list(range(21)), labels="classes")
    with pytest.raises(ProbingError, match=r"Labels are to be numbers, and one is 'low'"):
        numeric([1, "low"], labels="numbers")


def test_arcs_are_pairs_without_roots_and_punctuation(tmp_path: Path) -> None:
    sentences = words_of(
        "the dog barks .",
        "a b",
        "a b",
        tmp_path=tmp_path,
        head=[[2, 3, 0, 3], [2, 7], [1, 2]],
        deprel=[["det", "nsubj", "root", "punct"], ["det", "x"], ["self", "self"]],
    )
    found = labels_of(sentences, "arcs", options=OPTIONS)
    assert found.unit == "pair"
    units = zip(
        found.sentences.tolist(), found.words.tolist(), found.heads.tolist(), found.values.tolist(), strict=True
    )
    assert list(units) == [(0, 0, 1, "det"), (0, 1, 2, "nsubj")]
    assert list(found.skipped.values()) == ["a head that is no word of the sentence"]
    with pytest.raises(ProbingError, match=r"The data have no arcs\.\nExpected: columns of heads"):
        labels_of(words_of("a b", tmp_path=tmp_path), "arcs", options=OPTIONS)


def test_senses_are_files(tmp_path: Path) -> None:
    for name, text in (
        ("river", "The bank was steep.\nA Bank of sand\nno such word here\n"),
        ("money", "A bank lent.\n"),
    ):
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    sentences = read_sentences([tmp_path / "river.txt", tmp_path / "money.txt"], options=OPTIONS)
    assert labelled(sentences, "senses=bank") == {"0 bank": "river", "1 Bank": "river", "3 bank": "money"}
    assert labelled(sentences, "senses") == {"0": "river", "1": "river", "2": "river", "3": "money"}
    one = read_sentences([tmp_path / "river.txt"], options=OPTIONS)
    with pytest.raises(ProbingError, match=r"Senses are distinguished by files, and all sentences are in 'river'"):
        labels_of(one, "senses=bank", options=OPTIONS)


def test_functions_label_words(tmp_path: Path) -> None:
    sentences = words_of("aa b ccc", tmp_path=tmp_path)
    assert labelled(sentences, lambda words: [float(len(each)) / 2 for each in words]) == {
        "0 aa": 1.0,
        "0 b": 0.5,
        "0 ccc": 1.5,
    }
    assert labelled(sentences, lambda words: ["long" if len(each) > 1 else None for each in words]) == {
        "0 aa": "long",
        "0 ccc": "long",
    }
    with pytest.raises(ProbingError, match=r"The rule gave 1 labels for the 3 words of data\.jsonl, sentence 1"):
        labels_of(sentences, lambda words: ["x"], options=OPTIONS)


@pytest.mark.parametrize(
    ("concept", "error", "message"),
    [
        ("nothing", OptionError, r"There is no concept 'nothing'(.|\n)*Hint: The nearest"),
        ("x", OptionError, r"Hint: It is a value of a column: tags=X\."),
        ("tags=Q", ProbingError, r"No unit has the value 'Q' of 'tags'(.|\n)*'X'"),
        ("regex=(", OptionError, r"The expression '\(' cannot be read"),
        ("regex=" + "a" * 600, OptionError, r"has 600 characters"),
        ("regex=", OptionError, r"has nothing after the equals sign"),
        ("regex=(a|aa)+", ProbingError, r"takes over 0\.5 s for 'a+!'"),
        ("nope=1", OptionError, r"There is no concept 'nope'"),
        ("articles=x", OptionError, r"There is no concept 'articles'"),
    ],
)
def test_concepts_that_cannot_be(concept: str, error: type[Exception], message: str, tmp_path: Path) -> None:
    sentences = words_of("a" * 34 + "!", "b", tmp_path=tmp_path, tags=[["X"], ["Y"]])
    with pytest.raises(error, match=message):
        labels_of(sentences, concept, options=OPTIONS)


def test_tags_are_needed_for_some(tmp_path: Path) -> None:
    with pytest.raises(ProbingError, match=r"looks at tags, and the sentences have no column of tags"):
        labels_of(words_of("a", tmp_path=tmp_path), "verb-tense", options=OPTIONS)


def test_texts_are_split_and_given_texts_kept(tmp_path: Path) -> None:
    sentences = read(tmp_path, {"text": "I don't know.", "y": "a"})
    assert sentences.words == [["I", "do", "n't", "know", "."]]
    assert [sentences.texts[0][start:end] for start, end in sentences.spans[0]] == sentences.words[0]
    row = {"text": "I don't.", "tokens": ["I", "do", "n't", "."]}
    assert read(tmp_path, row).texts == ["I do n't ."]
    given = read(tmp_path, row, row | {"text": "I do not."}, text="given")
    assert (given.texts, given.spans) == (["I don't."], [[(0, 1), (2, 4), (4, 7), (7, 8)]])
    assert list(given.skipped.values()) == ["a word that its text does not have"]


def test_columns_can_be_named(tmp_path: Path) -> None:
    row = {"toks": ["a", "b"], "kind": [1.5, 2.5], "story": "s"}
    sentences = read(tmp_path, row, row, words_column="toks", document_column="story")
    assert sentences.words[0] == ["a", "b"]
    assert sentences.documents.tolist() == [0, 0]
    with pytest.raises(ProbingError, match=r"has no column 'token' of lists(.|\n)*'toks'"):
        read(tmp_path, row, words_column="token")
    with pytest.raises(CorpusError, match=r"has no column 'txt' \(activations\.text_column\)(.|\n)*'text'"):
        read(tmp_path, {"text": "a b"}, text_column="txt")
    with pytest.raises(CorpusError, match=r"clearly the text(.|\n)*--set activations\.text_column=NAME"):
        read(tmp_path, {"n": "a b", "m": "c d"})
    with pytest.raises(ProbingError, match=r"No sentence has the column 'book' \(activations\.document_column\)"):
        read(tmp_path, row, words_column="toks", document_column="book")


def test_a_limit_is_a_uniform_sample(tmp_path: Path) -> None:
    rows = [{"tokens": ["w", str(n)]} for n in range(100)]
    some = read(tmp_path, *rows, limit=30)
    assert len(some) == 30
    numbers = [int(each[1]) for each in some.words]
    assert numbers == sorted(numbers)
    assert max(numbers) > 60
    assert some.words == read(tmp_path, *rows, limit=30).words != read(tmp_path, *rows, limit=30, seed=1).words


def test_broken_lines_and_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("a A\nb\n\nc C\n", encoding="utf-8")
    sentences = read_sentences([path], options=OPTIONS)
    assert (sentences.words, sentences.notices) == (
        [["c"]],
        ["1 broken lines were left out, with their sentences."],
    )
    path.write_text("\n", encoding="utf-8")
    with pytest.raises((ProbingError, CorpusError), match=r"There is no sentence in"):
        read_sentences([path], options=OPTIONS)
