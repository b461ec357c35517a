"""The worked examples: what they compute is right on cases known by hand, and each prints its table."""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

import neurolect
from neurolect.collector import CollectOptions, collect
from neurolect.interventions import next_scores
from neurolect.planted import planted_corpus, planted_model
from neurolect.probing import Formula
from neurolect.results import ranking_table, write_ranking
from neurolect.signatures import DescribeOptions, describe
from tests.probing.stores import example_store
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import tiny_network, tiny_tokenizer, write_tiny_bert

FOLDER = Path(__file__).parents[2] / "examples"
Example = Callable[[str], Any]
Rows = list[dict[str, str]]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Example:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


@pytest.fixture
def printed(
    example: Example, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Rows]:
    """Run an example; give the rows of the table it prints."""

    def run(name: str, *words: object) -> Rows:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, words)])
        example(name).main()
        lines = [line[2:-2].split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
        return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]

    return run


def write_decoder(folder: Path) -> Path:
    import transformers

    config = tiny_network("Llama").config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = transformers.AutoModelForCausalLM.from_config(config).eval()
        for each in network.parameters():
            each.data += 0.2 * torch.randn_like(each)
    network.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def test_tables_and_means(example: Example) -> None:
    show = example("show")
    assert show.table([{"a": 1, "b": 0.12345}, {"a": None, "b": "x"}]) == (
        "| a | b |\n| --- | --- |\n| 1 | 0.123 |\n|  | x |"
    )
    assert show.mean([1.0, 1.0, np.nan]) == "1.00 (1.00 to 1.00)"
    assert show.mean([]) == "-"
    low, high = show.mean(np.arange(100.0)).split("(")[1][:-1].split(" to ")
    assert 40 < float(low) < 49.5 < float(high) < 60


def test_swaps_find_a_pair_that_no_single_neuron_shows(example: Example) -> None:
    search = example("search_sets")
    random = np.random.default_rng(0)
    hidden = random.normal(size=600)
    labels = (hidden > 0).astype(np.int64)
    rows = random.normal(size=(600, 12))
    rows[:, 3] += 20 * hidden + 60 * (noise := random.normal(size=600))
    rows[:, 7] += 60 * noise  # 3 less 7 is the class; each alone says little, and the rest nothing
    rows = (rows - rows.mean(0)) / rows.std(0)
    train, dev, test = np.split(np.arange(600), [300, 450])
    wanted = np.eye(2)[labels[train]]
    towards = rows[train].T @ (wanted - wanted.mean(0))
    parts = search.Parts(rows, labels, train, dev, test, rows[train].T @ rows[train], towards)
    chosen, best = search.swap(parts, np.array([0, 1]), steps=200, seed=0)
    assert sorted(chosen.tolist()) == [3, 7]
    assert best == search.dev_accuracy(parts, chosen) > 0.9
    assert max(search.dev_accuracy(parts, np.array([each])) for each in range(12)) < 0.7
    assert search.tested(parts, chosen).mean() > 0.9


def test_search_sets_prints_its_table(printed: Callable[..., Rows], tmp_path: Path) -> None:
    example_store(tmp_path)
    rows = printed("search_sets", tmp_path / "acts", "--k", 3, "--steps", 30)
    assert [row["set"] for row in rows] == [
        "first 3 of LCA", "searched from these", "searched from random ones", "best of 30 random sets", "random",
        "all neurons",
    ]  # fmt: skip
    assert float(rows[1]["dev"]) >= float(rows[0]["dev"])


def test_the_score_of_a_targeted_perturbation(example: Example) -> None:
    drops = np.array([[0.4, 0.1, 0.0], [0.0, 0.2, 0.2], [0.1, 0.1, 0.1]])
    np.testing.assert_allclose(example("tpp").score(drops), [0.35, 0.1, 0.0], atol=1e-12)


def test_tpp_prints_its_table(printed: Callable[..., Rows], tmp_path: Path) -> None:
    write_tiny_bert(tmp_path / "bert")
    tiny_corpus(tmp_path, n_documents=200)
    given = ("--label", "topic", "--layer", "mlp.1", "--k", "4", "--texts", 12)
    rows = printed("tpp", tmp_path / "bert", tmp_path / "corpus", *given)
    assert [row["ablated"] for row in rows] == ["4 of the class", "4 random", "direction"]
    with pytest.raises(SystemExit, match="0 classes of topic have 9999 sentences"):
        printed("tpp", tmp_path / "bert", tmp_path / "corpus", *given[:-1], 9999)


@pytest.mark.parametrize(
    ("operators", "put", "gone"),
    [((), ["a"], []), (("OR", "AND NOT"), ["b"], ["c"]), (("AND", "AND NOT"), ["a", "b"], ["c"]),
     (("AND NOT", "AND"), ["a", "c"], ["b"]), (("AND", "OR"), ["c"], [])],
)  # fmt: skip
def test_edits_make_formulas_true(
    example: Example, operators: tuple[str, ...], put: list[str], gone: list[str]
) -> None:
    edits, names = example("formula_edits"), ["a", "b", "c"]
    formula = Formula(tuple(range(len(operators) + 1)), operators)
    assert edits.needed(formula, names) == (put, gone)
    for text in ("b c c b", "c", "x y z", ""):
        made = edits.edited(text, (put, gone), random=np.random.default_rng(0))
        assert formula.holds(edits.presence([made], names))[0], (text, made)
        assert len(made.split()) <= max(len(text.split()), len(put))


def test_formula_edits_prints_its_table(printed: Callable[..., Rows], tmp_path: Path) -> None:
    write_tiny_bert(tmp_path / "bert")
    random = np.random.default_rng(0)
    rest = ["the", "team", "was", "car", "game", "price", "more", "would", "time", "first"]
    rows = [
        {"text": " ".join([str(random.choice(own)), *random.choice(rest, 6)]), "mood": name}
        for name, own in (("good", ["good", "great"]), ("bad", ["bad", "god"]))
        for _ in range(60)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "texts.parquet")
    given = (tmp_path / "bert", tmp_path / "texts.parquet", "--label")
    shown = printed("formula_edits", *given, "mood", "--neurons", 3)
    assert len(shown) == 4
    assert {word for part in shown[3]["e.g."].split("; ") for word in part.split(": ")[1].split(", ")[:2]} == {
        "good", "great", "bad", "god",
    }  # fmt: skip
    with pytest.raises(SystemExit, match="has 120 classes; two are needed"):
        printed("formula_edits", *given[:2], "--label", "text")


def test_debias_prints_its_table(printed: Callable[..., Rows], tmp_path: Path) -> None:
    write_decoder(tmp_path / "llama")
    tiny_corpus(tmp_path)
    addresses = [f"mlp.{layer}.{number}" for layer in (1, 2) for number in (3, 7)]
    ranking = ranking_table({"address": addresses, "score": [4.0, 3.0, 2.0, 1.0]}, runs=[], method="m", options={})
    write_ranking(ranking, tmp_path / "gender.parquet")
    given = (tmp_path / "llama", tmp_path / "gender.parquet", tmp_path / "corpus", "--label", "topic", "--texts", 3)
    rows = printed("debias", *given, "--k", "2")
    assert [row[""] for row in rows] == [
        "as it is", "2 switch neurons", "2 random neurons", "direction at hidden.2", "in words",
    ]  # fmt: skip
    assert rows[0]["order kept"] == "1.00"
    assert rows[0]["other text, nats"] == "0.000 (0.000 to 0.000)"


WORDS = "film price team oil, game price car music, bank bad team oil, movie good car music, god bad team new"


def test_a_state_taken_over_whole_is_the_other_countrys(
    example: Example, printed: Callable[..., Rows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ravel = example("ravel")
    monkeypatch.setattr(ravel, "FACTS", WORDS)
    folder = write_decoder(tmp_path / "llama")
    options = neurolect.ModelOptions(layers=(3,), pooling="last", dtype="float32")
    model = neurolect.load_model(str(folder), options=options, head="lm")
    for attribute in ravel.PROMPTS:  # where nothing follows the country, all that is said follows from its state
        monkeypatch.setitem(ravel.PROMPTS, attribute, "{}")
    found = ravel.read(model, everything=True)
    said = next_scores(model, [ravel.BEFORE + name for name in found.names]).argmax(1).tolist()
    own = dict.fromkeys(ravel.PROMPTS, said)
    everyone = list(range(len(found.names)))
    given = {"fit": everyone, "held": everyone, "ks": [2], "n": 12, "seed": 0}
    assert len(set(said)) > 1, "the test needs two countries of which another token is said"
    made = ravel.judged(model, found._replace(tokens=own), "hidden.3", **given)
    cause, stays = made["all neurons"]
    assert cause == [1.0] * len(cause)
    assert stays == [0.0] * len(stays)
    rows = printed("ravel", folder, "--everything", "--k", "2", "--pairs", 3)
    assert [row["taken over"] for row in rows] == [
        "all neurons", "2 of the attribute", "2 random", "directions between means",
    ]  # fmt: skip


def test_attributes_spread_and_directions(example: Example) -> None:
    states = np.zeros((6, 3), np.float32)
    states[:, 0] = [1, 1, 1, 5, 5, 5]  # the attribute alone
    states[:, 1] = [1, 5, 3, 1, 5, 3]  # something else
    share, basis = example("ravel").between(states, [7, 7, 7, 8, 8, 8])
    np.testing.assert_allclose(share, [1.0, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(np.abs(basis), [[1.0], [0.0], [0.0]], atol=1e-6)


def test_gini_and_precision_are_scikit_learns(example: Example) -> None:
    random = np.random.default_rng(0)
    for shift in (1.0, -1.0):
        one, other = random.normal(size=40).astype(np.float32), random.normal(shift, size=25).astype(np.float32)
        labels, values = np.repeat([0, 1], [40, 25]), np.concatenate([one, other])
        gini, precision = example("fade").gini_and_precision(one, other)
        assert gini == pytest.approx(abs(2 * roc_auc_score(labels, values) - 1))
        assert precision == pytest.approx(average_precision_score(labels, values * np.sign(shift)))
    assert example("fade").faithfulness([0.5, 0.2, 0.75]) == 0.5
    assert example("fade").faithfulness([0.5, 0.2]) == 0.0


def test_fade_tells_a_planted_neurons_words_from_anothers(printed: Callable[..., Rows], tmp_path: Path) -> None:
    planted_model(tmp_path / "planted")
    texts = planted_corpus(tmp_path / "texts", sentences=1_500, seed=3).documents
    corpus = neurolect.prepare([texts], out=tmp_path / "corpus", workers=1)
    model = neurolect.load_model(
        str(tmp_path / "planted"), options=neurolect.ModelOptions(sites=("mlp",), pooling="max")
    )
    run = collect(model, corpus, out=tmp_path / "run", options=CollectOptions(list_size=30, sample_size=500))
    describe(run, options=DescribeOptions(tagger="none", vectors="none"), workers=1)
    given = ("--neurons", 60, "--written", 1, "--words", 3)
    own, other = printed("fade", tmp_path / "run", tmp_path / "corpus", *given)
    for name in ("responsiveness", "purity"):
        assert float(own[name].split(" ")[0]) > float(other[name].split(" ")[0]) + 0.1


def test_only_used_neurons_change_what_the_planted_model_writes(example: Example, tmp_path: Path) -> None:
    fade, truth = example("fade"), planted_model(tmp_path / "planted")
    model = neurolect.load_model(str(truth.folder), head="lm", options=neurolect.ModelOptions(dtype="float32"))
    as_it_is = fade.FACTORS.index(1)
    assert fade.FACTORS[0] == 0
    for role in ("decoy", "detector"):
        addresses = [each.address for each in truth.neurons if each.role == role and "mlp" in each.address][:4]
        assert len(addresses) == 4
        for each in addresses:
            texts = fade.written(model, each, seed=0)
            assert (texts[as_it_is] != texts[0]) == (role == "detector"), each


def test_only_the_weights_of_neurons_named_are_trained(
    example: Example, printed: Callable[..., Rows], tmp_path: Path
) -> None:
    adapt, corpus = example("adapt"), tiny_corpus(tmp_path)
    texts = corpus.take(corpus.sentence_ids("mining")[:40], columns=["text"]).column("text").to_pylist()
    folder = write_decoder(tmp_path / "llama")
    model = neurolect.load_model(str(folder), head="lm", options=neurolect.ModelOptions(dtype="float32"))
    before = {name: each.clone() for name, each in model.network.named_parameters()}
    pruned = adapt.least(model, texts, 0.25)
    assert [len(each) for each in pruned] == [6, 6, 6]
    masks = adapt.masks_of(model.network, pruned)
    kept = adapt.prune(model.network, masks)
    assert all(
        bool((each[masks[name]] == 0).all()) for name, each in model.network.named_parameters() if name in masks
    )
    for name, each in model.network.named_parameters():
        if name in masks:
            each.data[masks[name]] = kept[name][masks[name]]
        assert torch.equal(each, before[name])
    adapt.train(model, texts, masks=masks, steps=3, rate=1e-2, batch=4, seed=0)
    for name, each in model.network.named_parameters():
        changed = each != before[name]
        assert not changed[~masks[name]].any() if name in masks else not changed.any()
    assert any(not torch.equal(each, before[name]) for name, each in model.network.named_parameters())
    rows = printed("adapt", folder, tmp_path / "corpus", "--label", "topic=film", "--steps", 2, "--texts", 20)
    assert len(rows) == 8
    with pytest.raises(SystemExit, match="topic=none"):
        printed("adapt", folder, tmp_path / "corpus", "--label", "topic=none", "--texts", 20)


def test_what_the_planted_model_uses_is_not_pruned(example: Example, tmp_path: Path) -> None:
    truth = planted_model(tmp_path / "planted")
    documents = planted_corpus(tmp_path / "texts", sentences=300, seed=3).documents.read_text(encoding="utf-8")
    texts = [f"{each}." for line in documents.splitlines() for each in json.loads(line)["text"].split(". ")]
    model = neurolect.load_model(str(truth.folder), head="lm", options=neurolect.ModelOptions(dtype="float32"))
    pruned = {
        f"mlp.{layer}.{each}"
        for layer, own in enumerate(example("adapt").least(model, texts, 0.3), start=1)
        for each in own.tolist()
    }
    used = [each.address for each in truth.neurons if (each.loss_change or 0) > 0.1]
    decoys = [each.address for each in truth.neurons if each.role == "decoy" and each.address.startswith("mlp")]
    assert len(used) > 10
    assert len(decoys) > 5
    assert not pruned & set(used)
    assert len(pruned & set(decoys)) > 0.8 * len(decoys)


def test_chat_server_tells_probabilities(example: Example, tmp_path: Path) -> None:
    """Its likeliest token is the network's, with its probability; what is no chat is refused."""
    import threading

    import httpx

    write_decoder(tmp_path / "model")
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{% for each in messages %}{{ each['content'] }}{% endfor %}"
    tokenizer.save_pretrained(tmp_path / "model")
    module = example("chat_server")
    server = module.server_of(module.Chat(str(tmp_path / "model")), 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        asked = {"messages": [{"role": "user", "content": "the oven is hot"}], "max_tokens": 2}
        found = httpx.post(f"{url}/chat/completions", json=asked | {"logprobs": True, "top_logprobs": 5}).json()
        plain = httpx.post(f"{url}/chat/completions", json=asked).json()
        assert httpx.post(f"{url}/chat/completions", json={}).status_code == 400
        assert httpx.post(f"{url}/else", json=asked).status_code == 404
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert "logprobs" not in plain["choices"][0]
    assert plain["choices"][0]["message"] == found["choices"][0]["message"]
    network = neurolect.load_model(str(tmp_path / "model"), head="lm").network
    ids = torch.tensor([tokenizer("the oven is hot", add_special_tokens=False)["input_ids"]])
    with torch.inference_mode():
        expected = network(input_ids=ids).logits[0, -1].log_softmax(-1)
    first = found["choices"][0]["logprobs"]["content"][0]
    assert first["logprob"] == pytest.approx(float(expected.max()), abs=1e-4)
    reported = [each["logprob"] for each in first["top_logprobs"]]
    assert reported == pytest.approx(expected.topk(5).values.tolist(), abs=1e-4)
    assert found["usage"] == {"prompt_tokens": ids.shape[1], "completion_tokens": 2}
