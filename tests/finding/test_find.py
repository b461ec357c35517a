import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from neurolect.errors import NeurolectError, OptionError, RunFolderError
from neurolect.finding import find
from neurolect.folders.atomic import write_table
from neurolect.store import Run, open_run, read_manifest, write_manifest


@pytest.mark.parametrize(
    ("what", "address"),
    [
        ({"word": "Water"}, "hidden.2.6"),
        ({"tag": "nn"}, "hidden.2.0"),
        ({"where": "domain=recipe"}, "hidden.1.0"),
        ({"where": "author = jane austen"}, "hidden.1.2"),
    ],
)
def test_the_neuron_made_for_it_comes_first(example_run: Run, what: dict[str, Any], address: str) -> None:
    found = find(example_run, **what)
    assert found["address"][0].as_py() == address
    assert found["side"][0].as_py() == "top"
    z = found["log_odds_z"].to_pylist()
    assert z == sorted(z, reverse=True)


def test_stars_may_touch_tags(example_run: Run) -> None:
    found = find(example_run, tag="dt*nn")
    assert found["evidence"][0].as_py() == "DT * NN"
    assert found.equals(find(example_run, tag="DT * NN"))
    assert find(example_run, pattern="<DT>*<NN>")["n_list"].equals(found["n_list"])
    assert find(example_run, tag="DT*2NN").equals(find(example_run, tag="DT *2 NN"))


def test_limit_and_side(example_run: Run) -> None:
    found = find(example_run, tag="NN", side="bottom", limit=3)
    assert found.num_rows == 3
    assert set(found["side"].to_pylist()) == {"bottom"}


def test_the_row_tells_name_and_shares(example_run: Run) -> None:
    row = find(example_run, where="domain=technical", limit=1).to_pylist()[0]
    assert row["name"] == "domain: technical"
    assert row["share_list"] == pytest.approx(row["n_list"] / 60)
    assert row["lift"] == pytest.approx(row["share_list"] / row["share_background"], rel=1e-4)


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        ({"word": "shal"}, RunFolderError, r"does not have it either(.|\n)*'shall'"),
        ({"where": "domain=recipes"}, RunFolderError, r"domain=recipes(.|\n)*Nearest: 'recipe'"),
        ({"where": "year=12"}, RunFolderError, "year=12"),
        ({"tag": "NNPP"}, RunFolderError, "Nearest: 'NNP'"),
        ({"tag": "DT NNPP"}, RunFolderError, "Nearest to 'NNPP': 'NNP'"),
        ({"pattern": "the watre"}, RunFolderError, "No kept sentence has 'watre'; nearest: 'water'"),
        ({"regex": "zz+y"}, RunFolderError, "a sentence with /zz.y/"),
        ({"regex": r"(a)\1"}, OptionError, "no regular expression(.|\n)*RE2"),
        ({"word": "shall", "where": "domain=technical"}, RunFolderError, "with shall & domain=technical"),
        ({"where": "genre=x"}, OptionError, "one of 'domain', 'author'"),
        ({"where": "domain"}, OptionError, "field=value"),
        ({}, OptionError, "for something"),
        ({"word": "the", "side": "up"}, OptionError, "no side 'up'"),
        ({"word": "the", "limit": 0}, OptionError, "limit is 0"),
    ],
)
def test_what_cannot_be_found_is_reported_with_what_could(
    example_run: Run, what: dict[str, Any], error: type[NeurolectError], message: str
) -> None:
    with pytest.raises(error, match=message):
        find(example_run, **what)


def test_a_word_says_in_how_many_sentences_the_corpus_has_it(example_run: Run) -> None:
    background = example_run.table("background/words").to_pylist()
    rare = next(row for row in background if row["n_sentences"] == 1)
    ids = example_run.sentences().column("sentence_id").to_pylist()
    listed = {
        sentence
        for side in ("top", "bottom")
        for sentence in example_run.table(f"lists/{side}")["sentence_id"].to_pylist()
    }
    texts = example_run.table("annotations")["words"].to_pylist()
    unlisted = {word.lower() for row, words in zip(ids, texts, strict=True) if row not in listed for word in words}
    listed_words = {word.lower() for row, words in zip(ids, texts, strict=True) if row in listed for word in words}
    rare = next(row for row in background if row["word"] in unlisted - listed_words)
    with pytest.raises(RunFolderError, match=rf"has it in {rare['n_sentences']} sentences(.|\n)*none of a list"):
        find(example_run, word=rare["word"])


def plain_rows(run: Run, side: str, holds: Callable[[dict[str, Any]], bool]) -> dict[tuple[str, str], int]:
    """Count the sentences of every list that hold something, one by one."""
    annotated = zip(run.sentences().to_pylist(), run.table("annotations").to_pylist(), strict=True)
    having = {row["sentence_id"] for row, notes in annotated if holds({**row, **notes})}
    lists = run.table(f"lists/{side}").to_pylist()
    counts = Counter((run.index.address(row["neuron_id"]), side) for row in lists if row["sentence_id"] in having)
    return dict(counts)


@pytest.mark.parametrize(
    ("what", "holds"),
    [
        ({"word": "The"}, lambda row: "the" in {word.lower() for word in row["words"]}),
        ({"word": "of the"}, lambda row: " of the " in f" {' '.join(row['words']).lower()} "),
        ({"pattern": "<DT> <NN>"}, lambda row: " DT NN " in f" {' '.join(row['tags'])} "),
        ({"regex": "(?i)and.*the"}, lambda row: re.search("(?i)and.*the", row["text"])),
        ({"where": "domain=recipe"}, lambda row: row["domain"] == "recipe"),
        (
            {"word": "god", "where": "domain=scripture"},
            lambda row: row["domain"] == "scripture" and "god" in {word.lower() for word in row["words"]},
        ),
    ],
    ids=lambda each: str(each) if isinstance(each, dict) else "",
)
def test_counts_are_exact_for_every_list(
    example_run: Run, what: dict[str, Any], holds: Callable[[dict[str, Any]], bool]
) -> None:
    plain = plain_rows(example_run, "top", holds) | plain_rows(example_run, "bottom", holds)
    found = find(example_run, **what, limit=100).to_pylist()
    assert {(row["address"], row["side"]): row["n_list"] for row in found} == plain
    assert {row["address"] for row in find(example_run, **what, side="top").to_pylist()} <= {
        key[0] for key in plain
    }


@pytest.mark.parametrize(
    ("table", "column", "group", "option"),
    [("words", "word", {"word_class": "all"}, "word"), ("metadata", "value", {"field": "domain"}, "where")],
)
def test_scores_are_those_of_the_signatures(
    example_run: Run, table: str, column: str, group: dict[str, str], option: str
) -> None:
    name, value = next(iter(group.items()))
    rows = [row for row in example_run.table(f"signatures/{table}").to_pylist() if row[name] == value]
    for row in rows[::50]:
        asked = row[column] if option == "word" else f"domain={row[column]}"
        address = example_run.index.address(row["neuron_id"])
        found = find(example_run, **{option: asked}, side=row["side"], limit=100).to_pylist()
        same = next(each for each in found if each["address"] == address)
        for score in ("n_list", "n_background", "share_list", "lift", "log_odds_z"):
            assert same[score] == pytest.approx(row[score], rel=1e-5), (asked, score)


def test_a_run_that_was_not_described_says_so(example_run: Run, tmp_path: Path) -> None:
    shutil.copytree(example_run.folder, tmp_path / "run", ignore=shutil.ignore_patterns("index"))
    with pytest.raises(RunFolderError, match=r"no index to search(.|\n)*neurolect describe"):
        find(open_run(tmp_path / "run"), word="the")


def with_tables(run: Run, folder: Path, **stages: dict[str, object]) -> Path:
    shutil.copytree(run.folder, folder)
    manifest = read_manifest(folder)
    manifest["stages"] |= stages
    if "describe" in stages:
        manifest["stages"]["describe"]["rests_on"] = {"collect": manifest["stages"]["collect"].get("id")}
    write_manifest(folder, manifest)
    return folder


def test_fidelity_is_reported_if_these_signatures_were_scored(example_run: Run, tmp_path: Path) -> None:
    scored: dict[str, object] = {"status": "complete", "rests_on": {"describe": "b"}}
    folder = with_tables(example_run, tmp_path / "run", describe={"status": "complete", "id": "b"}, fidelity=scored)
    scores = [
        {"neuron_id": 14, "side": side, "evidence": kind, "auroc": value}
        for side, kind, value in (("top", "words", 0.6), ("top", "all", 0.9), ("bottom", "all", 0.5))
    ]
    write_table(folder / "fidelity" / "scores.parquet", pa.Table.from_pylist(scores))
    found = find(open_run(folder), word="water", side="top").to_pylist()
    assert found[0]["fidelity"] == pytest.approx(0.9)
    assert found[1]["fidelity"] is None
    with_tables(example_run, tmp_path / "newer", describe={"status": "complete", "id": "c"}, fidelity=scored)
    assert "fidelity" not in find(open_run(tmp_path / "newer"), word="water").column_names


def test_subtrees(example_run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"has no subtrees(.|\n)*describe.trees=dependencies"):
        find(example_run, subtree="VBD(NN)")
    with pytest.raises(OptionError, match="by itself"):
        find(example_run, subtree="VBD(NN)", word="the")
    folder = with_tables(example_run, tmp_path / "run")
    tags = example_run.table("signatures/tags").rename_columns({"tag": "subtree"})
    write_table(folder / "signatures" / "subtrees.parquet", tags)
    found = find(open_run(folder), subtree=" NN ")
    assert found["address"].to_pylist() == find(example_run, tag="NN")["address"].to_pylist()
    with pytest.raises(RunFolderError, match=r"the subtree 'NNPQ'(.|\n)*Nearest: 'NNP'"):
        find(open_run(folder), subtree="NNPQ")
