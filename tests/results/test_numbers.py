import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from neurolect.errors import OptionError, RunFolderError
from neurolect.folders.atomic import write_table
from neurolect.results import numbers
from neurolect.store import Run, read_manifest, write_manifest


def test_length_and_moments_are_those_of_the_tables(described: Run) -> None:
    summary = described.table("signatures/summary").to_pylist()
    expected = [row["mean_length"] for row in summary if row["side"] == "bottom"]
    assert numbers(described, "length", side="bottom").values.tolist() == pytest.approx(expected)
    skewness = described.table("neurons").column("skewness").to_pylist()
    assert numbers(described, "skewness").values.tolist() == pytest.approx(skewness)


def test_selectivity_is_the_greatest_lift_of_the_classes(described: Run) -> None:
    found = numbers(described, "pos")
    rows = described.table("signatures/tags").to_pylist()
    letters = {"noun": "N", "verb": "V", "adjective": "J"}
    for neuron in range(described.n_neurons):
        mine = [row for row in rows if (row["neuron_id"], row["side"]) == (neuron, "top")]
        usual = {row["tag"]: row["share_background"] for row in rows}
        lifts = {
            name: sum(row["share_list"] for row in mine if row["tag"][0] == letter)
            / sum(share for tag, share in usual.items() if tag[0] == letter)
            for name, letter in letters.items()
        }
        assert found.values[neuron] == pytest.approx(max(lifts.values()), rel=1e-4)
        assert found.evidence is not None
        assert found.evidence[neuron] == max(lifts, key=lambda name: lifts[name])


def test_one_tag_or_class_is_its_lift(described: Run) -> None:
    rows = described.table("signatures/tags").to_pylist()
    lift = {row["neuron_id"]: row["lift"] for row in rows if row["tag"] == "NN" and row["side"] == "top"}
    found = numbers(described, "tag", value="nn")
    assert found.values[3] == pytest.approx(lift[3], rel=1e-4)
    assert numbers(described, "pos", value="Verb").label == "lift of verbs"
    assert numbers(described, "tag").evidence is not None


def test_neurons_made_for_a_value_lead_in_its_field(described: Run) -> None:
    found = numbers(described, "field=domain")
    assert found.evidence is not None
    assert found.evidence[0] == "recipe"
    shares = numbers(described, "field=domain", value="recipe").values
    assert int(shares.argmax()) == 0
    listed = described.neuron("hidden.1.0").list("top").column("domain").to_pylist()
    assert shares[0] == pytest.approx(listed.count("recipe") / len(listed))


def test_words_of_a_class_are_counted_a_sentence(described: Run) -> None:
    rows = described.table("signatures/tags").to_pylist()
    summary = {(row["neuron_id"], row["side"]): row for row in described.table("signatures/summary").to_pylist()}
    for name, letter in (("noun", "N"), ("verb", "V"), ("adjective", "J")):
        found = numbers(described, f"{name}_count", side="bottom").values
        for neuron in (0, 3, 9):
            own = [row for row in rows if (row["neuron_id"], row["side"]) == (neuron, "bottom")]
            n = sum(row["n_list"] for row in own if row["tag"].startswith(letter))
            assert found[neuron] == pytest.approx(n / summary[neuron, "bottom"]["n_sentences"])


def test_the_mean_of_a_list_is_that_of_its_activations(described: Run) -> None:
    for side in ("top", "bottom"):
        found = numbers(described, "list_mean", side=side).values
        listed = described.neuron("hidden.1.4").list(side).column("activation").to_pylist()
        assert found[4] == pytest.approx(np.mean(listed))


def test_values_named_alone_count(described: Run) -> None:
    shares = {each: numbers(described, "field=domain", value=each) for each in ("recipe", "fiction")}
    of_two = {each: found.values for each, found in shares.items()}
    sum_of_two = of_two["recipe"] + of_two["fiction"]
    found = numbers(described, "deviation=domain", value="recipe, fiction")
    expected = np.abs(of_two["recipe"] / np.maximum(sum_of_two, 1e-9) - 0.5)
    known = np.isfinite(found.values)
    assert known.any()
    np.testing.assert_allclose(found.values[known], expected[known])
    assert found.label == "unbalanced one-sidedness in domain: recipe, fiction (standard deviation)"
    assert found.evidence is not None
    assert {each for each, has in zip(found.evidence, known, strict=True) if has} <= {"recipe", "fiction"}
    behind = numbers(described, "deviation=domain:recipe,fiction")
    np.testing.assert_array_equal(behind.values, found.values)
    assert behind.label == found.label
    assert numbers(described, "deviation=domain", value="recipe").label == "share of domain = recipe"


@pytest.mark.parametrize(
    ("by", "options", "message"),
    [
        ("deviation=domain:recipe,fictions", {}, r"no value 'fictions'(.|\n)*'fiction'"),
        ("lenght", {}, r"no number 'lenght'(.|\n)*'length'"),
        ("svcca", {}, r"is of a comparison of runs(.|\n)*neurolect compare"),
        ("length", {"value": "3"}, "goes with pos, tag, corpus or field"),
        ("field=genre", {}, "one of 'domain', 'author'"),
        ("field=domain", {"value": "recipes"}, r"no value 'recipes'(.|\n)*'recipe'"),
        ("pos", {"value": "nouns"}, r"no part of speech 'nouns'(.|\n)*'noun'"),
        ("length", {"side": "up"}, "no side 'up'"),
    ],
)
def test_what_there_is_not_is_reported_with_what_there_is(
    described: Run, by: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        numbers(described, by, **options)


def changed(run: Run, folder: Path, name: str, table: pa.Table) -> Run:
    shutil.copytree(run.folder, folder)
    write_table(folder / f"{name}.parquet", table)
    return Run(folder)


def test_a_field_of_one_value_is_refused(described: Run, tmp_path: Path) -> None:
    background = described.table("background/metadata")
    background = background.filter(pc.field("field") != "party")
    one = pa.table({"field": ["party"], "value": ["Whig"], "n_sentences": [5]}).cast(background.schema)
    run = changed(described, tmp_path / "a", "background/metadata", pa.concat_tables([background, one]))
    sentences = run.table("sentences")
    place = sentences.column_names.index("party")
    same = pa.array(["Whig"] * len(sentences))
    write_table(run.folder / "sentences.parquet", sentences.set_column(place, "party", same))
    with pytest.raises(OptionError, match="only the value 'Whig'"):
        numbers(run, "field=party")


def test_too_few_labelled_sentences_are_reported(described: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    some = numbers(described, "field=author")
    assert all("fewer than 20 sentences" in note for note in some.notes)
    monkeypatch.setattr("neurolect.results.field_numbers.MIN_LABELLED", 61)
    with pytest.raises(RunFolderError, match="No top list has 61 sentences with a value of 'author'"):
        numbers(described, "field=author")


def test_a_run_without_tags_is_reported(described: Run, tmp_path: Path) -> None:
    run = changed(described, tmp_path / "a", "signatures/tags", described.table("signatures/tags").slice(0, 0))
    with pytest.raises(RunFolderError, match="has no tags"):
        numbers(run, "pos")
    summary = described.table("signatures/summary")
    place = summary.column_names.index("noun_share")
    none = summary.set_column(place, "noun_share", pa.nulls(len(summary), pa.float32()))
    write_table(run.folder / "signatures" / "summary.parquet", none)
    with pytest.raises(RunFolderError, match="has the number 'noun_share'"):
        numbers(run, "noun_share")


def test_a_side_that_was_not_collected_is_reported(described: Run, tmp_path: Path) -> None:
    shutil.copytree(described.folder, tmp_path / "a")
    (tmp_path / "a" / "lists" / "bottom.parquet").unlink()
    with pytest.raises(OptionError, match="has no bottom lists"):
        numbers(Run(tmp_path / "a"), "length", side="bottom")
    assert np.isfinite(numbers(Run(tmp_path / "a"), "length").values).all()


def test_a_constant_neuron_has_no_number_of_its_lists(described: Run, tmp_path: Path) -> None:
    neurons = described.table("neurons")
    deviations = [0.0 if row == 4 else 1.0 for row in range(described.n_neurons)]
    still = neurons.set_column(
        neurons.column_names.index("std"), "std", pa.array(deviations, neurons.schema.field("std").type)
    )
    run = changed(described, tmp_path / "a", "neurons", still)
    whole, found = numbers(described, "length"), numbers(run, "length")
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [4]
    assert np.array_equal(np.delete(found.values, 4), np.delete(whole.values, 4))
    assert found.notes == ("1 of 16 neurons are constant: what their lists hold is not informative; left out.",)
    assert np.isfinite(numbers(run, "mean").values).all()


def test_senses_and_fidelity_are_numbers_too(described: Run, tmp_path: Path) -> None:
    rows = [(neuron, side) for neuron in range(described.n_neurons) for side in ("top", "bottom")]
    ids = pa.array([neuron for neuron, _ in rows], pa.int32())
    sides = pa.array([side for _, side in rows])
    several = pa.table({"neuron_id": ids, "side": sides, "n_senses": pa.array(range(len(rows)), pa.int8())})
    run = changed(described, tmp_path / "a", "signatures/polysemy", several)
    assert numbers(run, "n_senses", side="bottom").values.tolist() == [2 * each + 1 for each in range(16)]
    with pytest.raises(RunFolderError, match=r"has no scores of fidelity(.|\n)*neurolect fidelity"):
        numbers(run, "auroc")
    manifest = read_manifest(run.folder)
    described_as = {"describe": manifest["stages"]["describe"]["id"]}
    manifest["stages"]["fidelity"] = {"status": "complete", "rests_on": described_as}
    write_manifest(run.folder, manifest)
    evidence = pa.array(["all" if neuron < 3 else "words" for neuron, _ in rows])
    scores = {"neuron_id": ids, "side": sides, "evidence": evidence, "auroc": pa.array([0.75] * len(rows))}
    write_table(run.folder / "fidelity" / "scores.parquet", pa.table(scores))
    found = numbers(Run(run.folder), "auroc")
    assert np.flatnonzero(np.isfinite(found.values)).tolist() == [0, 1, 2]
    assert found.label.startswith("fidelity")
    refused = pa.table(scores | {"evidence": pa.array(["words"] * len(rows))})
    write_table(run.folder / "fidelity" / "scores.parquet", refused)
    with pytest.raises(RunFolderError, match=r"has the number 'auroc'(.|\n)*why: neurolect fidelity"):
        numbers(Run(run.folder), "auroc")
