"""Alignment with phrases against a slow twin: one text at a time, sentences searched word by word."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neurolect.errors import ModelError, NeuronAddressError, OptionError, RunFolderError
from neurolect.interventions import AlignOptions, align
from neurolect.interventions.aligning import gather, replicated
from neurolect.interventions.aligning.candidates import phrases_of
from neurolect.interventions.aligning.choose import of_same_lengths
from neurolect.interventions.aligning.lists import align_list
from neurolect.interventions.aligning.sentences import WordPlaces, selectivity
from neurolect.model import Model, ModelOptions, load_model
from neurolect.pipeline import run
from neurolect.results import rank
from neurolect.signatures import DescribeOptions
from neurolect.store import Run, open_run
from neurolect.store.stages import making
from neurolect.views.texts.aligning import align_of_run, align_text
from tests.command_line import command, succeed
from tests.documented_folder import check_folder
from tests.made_once import copy_of
from tests.test_disjoint import CONFIG, with_trees
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert

OPTIONS = AlignOptions(n_sentences=3, n_phrases=2, longest=2, n_random=12, n_draws=4, least_holding=2, neurons=6)
NEURONS = ["hidden.1.3", "mlp.2.5"]


def write_run(folder: Path, *, pooling: str = "mean", trees: str = "none") -> None:
    write_tiny_bert(folder / "bert")
    documents = with_trees(write_documents(folder / "documents.jsonl", n_documents=40))
    describe = DescribeOptions(tagger="none", vectors="none", trees=trees)
    model = ModelOptions(sites=("hidden", "mlp"), pooling=pooling)
    collect = replace(CONFIG.collect, bottom_by="minimum" if pooling == "max" else "pooled")
    config = replace(CONFIG, model=model, describe=describe, collect=collect)
    run(str(folder / "bert"), [documents], out=folder / "run", config=config)


@pytest.fixture
def made(tmp_path: Path) -> Run:
    copy_of(write_run, tmp_path / "made")
    return open_run(tmp_path / "made" / "run")


def model_of(run: Run) -> Model:
    return load_model(str(run.folder.parent / "bert"), options=ModelOptions(sites=("hidden", "mlp")))


def slow_candidates(run: Run, address: str, side: str) -> dict[tuple[str, tuple[str, ...]], int]:
    """Words and pairs of words of the first sentences: those of letters and digits between full stops."""
    found: dict[tuple[str, tuple[str, ...]], int] = {}
    listed = run.neuron(address).list(side, limit=OPTIONS.n_sentences)
    for sentence_id, text in zip(listed["sentence_id"].to_pylist(), listed["text"].to_pylist(), strict=True):
        words = text.removesuffix(".").split()
        for place, word in enumerate(words):
            found.setdefault((word, (word.lower(),)), sentence_id)
            if place + 1 < len(words):
                pair = words[place : place + 2]
                found.setdefault((" ".join(pair), tuple(map(str.lower, pair))), sentence_id)
        found.setdefault((".", (".",)), sentence_id)
    return found


def slow_activation(run: Run, model: Model, address: str, phrases: list[str]) -> NDArray[np.float64]:
    """Repeat each phrase until its text is nearest to the mean length, and run it alone."""
    n = run.array("sample/activations").shape[1]
    ids = run.table("sample/sentences")["sentence_id"].to_numpy()[:n]
    texts = run.take_sentences(np.sort(ids))["text"].to_pylist()

    def size(text: str) -> int:
        return len(model.tokenizer([text], add_special_tokens=False)["input_ids"][0])

    length = np.mean([size(each) for each in texts])
    column = model.addresses.index(address)
    found = []
    for each in phrases:
        times = max(1, round(length / max(size(each), 1)))
        found.append(model.activations([" ".join([each] * times)])[0, column])
    return np.array(found, np.float64)


def holds(text: str, phrases: list[tuple[str, ...]]) -> bool:
    words = [*text.removesuffix(".").lower().split(), "."]
    return any(words[at : at + len(each)] == list(each) for each in phrases for at in range(len(words)))


def slow_selectivity(run: Run, address: str, side: str, phrases: list[tuple[str, ...]]) -> tuple[float | None, int]:
    sample = run.array("sample/activations")[run.index.neuron_id(address)]
    ids = run.table("sample/sentences")["sentence_id"].to_numpy()[: len(sample)]
    first = set(run.neuron(address).list(side, limit=OPTIONS.n_sentences)["sentence_id"].to_pylist())
    with_it: list[float] = []
    others: list[float] = []
    for value, sentence_id in zip(sample, ids.tolist(), strict=True):
        if sentence_id not in first:
            text = run.take_sentences(np.array([sentence_id]))["text"][0].as_py()
            (with_it if holds(text, phrases) else others).append(float(value))
    if len(with_it) < OPTIONS.least_holding or not others:
        return None, len(with_it)
    spread = max(with_it + others) - min(with_it + others)
    difference = float(np.mean(with_it) - np.mean(others))
    return (1 if side == "top" else -1) * difference / spread, len(with_it)


def rows_of(run: Run, table: str, address: str, side: str) -> list[dict[str, Any]]:
    return list(run.rows(table, neuron_id=run.index.neuron_id(address), side=side).to_pylist())


@pytest.mark.parametrize("address", NEURONS)
@pytest.mark.parametrize("side", ["top", "bottom"])
def test_alignment_is_that_of_the_slow_twin(made: Run, address: str, side: str) -> None:
    found = align(made, neurons=NEURONS, options=replace(OPTIONS, sides=(side,)))
    model = model_of(made)
    known = slow_candidates(made, address, side)
    rows, (row,) = (rows_of(found, f"align/{name}", address, side) for name in ("phrases", "neurons"))
    assert row["n_candidates"] == len(known)
    assert [each["rank"] for each in rows] == [0, 1]
    values = slow_activation(made, model, address, [text for text, _ in known])
    by_text = {text: value for (text, _), value in zip(known, values, strict=True)}
    moments = made.neuron(address).row
    sign = 1 if side == "top" else -1
    for each in rows:
        key = (each["phrase"], tuple(each["phrase"].lower().split()))
        assert each["sentence_id"] == known[key]
        assert each["n_words"] == len(key[1])
        assert each["activation"] == pytest.approx(by_text[each["phrase"]], abs=1e-5)
        assert each["z"] == pytest.approx((by_text[each["phrase"]] - moments["mean"]) / moments["std"], rel=1e-3)
    # the greatest of all: the mean of random phrases is the same for all of a length
    for n_words in {each["n_words"] for each in rows}:
        best = max(sign * by_text[text] for text, words in known if len(words) == n_words)
        assert max(sign * each["activation"] for each in rows if each["n_words"] == n_words) == pytest.approx(
            best, abs=1e-5
        )
    expected, n_holding = slow_selectivity(
        made, address, side, [tuple(each["phrase"].lower().split()) for each in rows]
    )
    assert row["n_holding"] == n_holding
    assert row["selectivity"] == (None if expected is None else pytest.approx(expected, abs=1e-4))
    sample = made.array("sample/activations")[made.index.neuron_id(address)]
    assert -1 <= row["replicated"] <= 1
    assert row["excess"] == pytest.approx(np.mean([each["excess"] for each in rows]), rel=1e-5)
    assert len(sample) == 50


def test_excess_is_over_random_phrases_of_as_many_words(made: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    plain = align_list

    def keep(candidates: Any, random: Any, *rest: Any, **options: Any) -> Any:
        kept.append((candidates, random))
        return plain(candidates, random, *rest, **options)

    monkeypatch.setattr(gather, "align_list", keep)
    found = align(made, neurons=["mlp.2.5"], options=OPTIONS)
    assert check_folder(made.folder, page="run_folder.md", below="align")
    ((_, random),) = kept
    words = [each.words for each in random.phrases]
    assert len(set(words)) == len(words) == 2 * OPTIONS.n_random
    own = slow_activation(made, model_of(made), "mlp.2.5", [each.text for each in random.phrases])
    np.testing.assert_allclose(random.activation, own, atol=1e-5)
    std = made.neuron("mlp.2.5").row["std"]
    for each in rows_of(found, "align/phrases", "mlp.2.5", "top"):
        usual = np.mean([value for value, of in zip(own, words, strict=True) if len(of) == each["n_words"]])
        assert each["excess"] == pytest.approx((each["activation"] - usual) / std, abs=1e-3)


def test_more_neurons_are_added_and_known_ones_are_not_read_again(
    made: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = align(shutil.copytree(made.folder, tmp_path / "other"), neurons=NEURONS, options=OPTIONS)
    align(made, neurons=NEURONS[:1], options=OPTIONS)
    texts: list[int] = []
    plain = replicated._values

    def count(model: Model, here: list[str], pairs: Any) -> Any:
        texts.append(len(here))
        return plain(model, here, pairs)

    monkeypatch.setattr(replicated, "_values", count)
    parts = align(made, neurons=NEURONS, options=OPTIONS)
    assert texts
    for name in ("align/phrases", "align/neurons"):
        assert parts.table(name).equals(whole.table(name))
    texts.clear()
    again = align(made, neurons=NEURONS, options=replace(OPTIONS, neurons=3))
    assert not texts
    assert again.table("align/neurons").equals(whole.table("align/neurons"))
    other = align(made, neurons=NEURONS[:1], options=replace(OPTIONS, longest=1))
    assert other.table("align/neurons").num_rows == 1


def test_an_interrupted_pass_resumes_and_gives_the_same(
    made: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = align(shutil.copytree(made.folder, tmp_path / "other"), neurons=NEURONS, options=OPTIONS)
    monkeypatch.setattr(replicated, "PART_TEXTS", 16)
    plain, calls = replicated._values, []

    def stop(model: Model, texts: list[str], pairs: Any) -> Any:
        calls.append(len(texts))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(model, texts, pairs)

    monkeypatch.setattr(replicated, "_values", stop)
    with pytest.raises(KeyboardInterrupt):
        align(made, neurons=NEURONS, options=OPTIONS)
    assert "'align' made is unfinished" in " ".join(Run(made.folder).stale())
    n_before = len(calls)
    resumed = align(made, neurons=NEURONS, options=OPTIONS)
    n_texts = whole.manifest["stages"]["align"]["n_phrases"]
    assert len(calls) - n_before == -(-n_texts // 16) - 2
    for name in ("align/phrases", "align/neurons"):
        assert resumed.table(name).equals(whole.table(name))
    assert not (made.folder / "align" / "partial").exists()


def test_a_damaged_part_is_refused_by_name(made: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicated, "PART_TEXTS", 16)
    plain = replicated._part

    def damage(path: Path, *, n: int) -> Any:
        path.write_bytes(b"PAR1 no")
        return plain(path, n=n)

    monkeypatch.setattr(replicated, "_part", damage)
    with pytest.raises(RunFolderError, match=r"part-0\.parquet(.|\n)*give the command again"):
        align(made, neurons=NEURONS, options=OPTIONS)


def test_trees_in_brackets_and_parses_give_constituents(tmp_path: Path) -> None:
    copy_of(write_run, tmp_path / "made", trees="field:tree")
    found = align(tmp_path / "made" / "run", neurons=["hidden.1.3"], options=OPTIONS)
    assert found.manifest["stages"]["align"]["phrases_from"] == "brackets"
    phrases = {row["phrase"] for row in found.table("align/phrases").to_pylist()}
    assert phrases <= {"film", "was", "film was", "win", "game", "win game", "oil", "price", "oil price"}
    parsed = phrases_of(
        "The dog, you see, barks.",
        ["The", "dog", ",", "you", "see", ",", "barks", "."],
        heads=[1, 6, 6, 4, 6, 6, -1, 6],
        longest=2,
    )
    assert [each.text for each in parsed] == ["The", "The dog", "dog", ",", "you", "you see", "see", "barks", "."]


def test_with_max_pooling_bottom_lists_are_of_lowest_values(tmp_path: Path) -> None:
    copy_of(write_run, tmp_path / "made", pooling="max")
    options = replace(OPTIONS, sides=("top", "bottom"))
    found = align(tmp_path / "made" / "run", neurons=["hidden.1.3"], options=options)
    (row,) = rows_of(found, "align/neurons", "hidden.1.3", "bottom")
    assert row["selectivity"] is None  # of the sample lowest values are not kept
    assert row["excess"] > 0
    (top,) = rows_of(found, "align/neurons", "hidden.1.3", "top")
    assert top["replicated"] is not None


def test_alignment_is_of_the_description_it_was_made_with(made: Run) -> None:
    whole = align(made, neurons=NEURONS, options=OPTIONS)
    assert all(row["words_agree"] is not None for row in whole.table("align/neurons").to_pylist())
    with making(made.folder, "describe"):
        pass
    assert any("'align' made is of an earlier state" in each for each in Run(made.folder).stale())
    with pytest.raises(RunFolderError, match="neurolect edit align"):
        Run(made.folder).table("align/neurons")


def test_bad_input_is_refused_and_nothing_is_begun(made: Run) -> None:
    with pytest.raises(NeuronAddressError, match="hidden"):
        align(made, neurons=["hidden.9.1"], options=OPTIONS)
    with pytest.raises(OptionError, match="left"):
        AlignOptions(sides=("left",))
    other = made.folder.parent / "other"
    write_tiny_bert(other, seed=5)
    with pytest.raises(ModelError, match="not the model of"):
        align(made, neurons=NEURONS, model=str(other), options=OPTIONS)
    (made.folder / "sample" / "activations.npy").unlink()
    answer = command("edit", "align", made.folder)
    assert answer.code
    assert "sample" in answer.err
    assert (
        "align" not in Run(made.folder).manifest["stages"] or not (made.folder / "align/neurons.parquet").exists()
    )


def test_the_command_reports_shows_and_ranks(made: Run) -> None:
    settings = [f"--set=align.{name}={value}" for name, value in (("neurons", 6), ("n_random", 12), ("longest", 2))]
    text = succeed("edit", "align", made.folder, *settings, "--set=align.least_holding=2")
    assert "6 lists are aligned with phrases: n-grams" in text
    summary = align_of_run(open_run(made.folder))
    assert align_text(summary) == text
    assert sum(each["n"] for each in summary["layers"]) == 6
    address = made.index.address(open_run(made.folder).table("align/neurons")["neuron_id"][0].as_py())
    assert 'aligned with "' in succeed("show", made.folder, address)
    assert '"aligned": {' in succeed("show", made.folder, address, "--format", "json")
    by = rank(made.folder, by="alignment", side="top")
    assert 0 < by.num_rows <= 6


def test_places_of_phrases_are_those_of_a_plain_search() -> None:
    choose = np.random.default_rng(3)
    sentences = [[*choose.choice(list("abc"), int(n))] for n in choose.integers(0, 7, 60)]
    places = WordPlaces(sentences)
    for _ in range(100):
        phrase = choose.choice(list("abcd"), int(choose.integers(1, 4))).tolist()
        plain = [
            row
            for row, words in enumerate(sentences)
            if any(list(words[at : at + len(phrase)]) == phrase for at in range(len(words)))
        ]
        assert places.holding(phrase).tolist() == plain


def test_random_phrases_are_of_the_same_lengths_and_none_twice() -> None:
    random, sizes = np.random.default_rng(0), np.array([1, 1, 2, 2, 3])
    for _ in range(50):
        drawn = of_same_lengths(random, sizes, np.array([2, 1, 2, 2]))
        assert len(set(drawn.tolist())) == 4
        assert sizes[drawn[:3]].tolist() == [2, 1, 2]
    assert len(of_same_lengths(random, sizes[:2], np.array([1, 1, 1]))) == 2


def test_selectivity_needs_sentences_of_both_kinds() -> None:
    values = np.array([1.0, 2.0, 5.0])
    assert np.isnan(selectivity(values, np.array([True, True, True])))
    assert np.isnan(selectivity(values, np.array([True, False, False]), least=2))
    assert np.isnan(selectivity(np.ones(3), np.array([True, False, False])))
    assert selectivity(values, np.array([True, False, False]), sign=-1) == pytest.approx(2.5 / 4)
