"""FADE's four numbers of descriptions, with rules where the paper has a language model as judge.

    python examples/fade.py my-run CORPUS        # a described run; of a decoder, texts are written too

A list's description is the leading words of its signature; a sentence expresses it if it has one of them. (Puri et
al. 2025 ask a language model to write sentences of a description and to rate sentences; words in frames and the
rule stand in for it, so these numbers are of words, not of meanings.) Read are sentences the signatures were not
made of. Clarity: 2 AUROC - 1, without its sign, of words in frames against sentences. Responsiveness: the same of
sentences with one of the words against those without; purity: their average precision. Faithfulness: the greatest
share of texts with one of the words that a decoder writes with the neuron multiplied by -50 to 50, beyond that
with it multiplied by 0, as a share of what is left. Next to it: the same neurons with the description of another
neuron.
"""

import argparse
import copy
import re
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from show import mean, table

import neurolect
from neurolect.corpus import open_corpus
from neurolect.errors import MissingHeadError
from neurolect.fidelity import load_model_of
from neurolect.interventions import edit
from neurolect.model import Model
from neurolect.probing import detect

FRAMES = (
    "{}",
    "This is about {}.",
    "The {} was there.",
    "We spoke of {} and {}.",
    "{}, {} and {}",
    "He said {} again.",
)
STARTS = (
    "The",
    "It was",
    "People often say that",
    "There is a",
    "We should",
    "I think",
    "One of the most",
    "After that",
)
FACTORS = (0, -50, -10, -1, 1, 10, 50)


def words_of(text: str) -> set[str]:
    """Split a text into lower-cased words."""
    return set(re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text.lower()))


def framed(words: Sequence[str], *, random: np.random.Generator) -> list[str]:
    """Put a description's words into frames, five times each."""
    return [frame.format(*random.choice(words, frame.count("{}"))) for frame in FRAMES for _ in range(5)]


def gini_and_precision(without: NDArray[np.float32], having: NDArray[np.float32]) -> tuple[float, float]:
    """Give 2 AUROC - 1, without its sign, and the average precision of the better side."""
    if not len(without) or not len(having):
        return float("nan"), float("nan")
    values = np.concatenate([without, having])
    below = np.searchsorted(np.sort(without), having, side="left").mean() / len(without)
    upto = np.searchsorted(np.sort(without), having, side="right").mean() / len(without)
    labels = np.repeat([0, 1], [len(without), len(having)])
    found = detect(values[:, None], labels, classes=("without", "having")).average_precision[:, 1, 0]
    side = below + upto - 1
    return float(abs(side)), float(found[0] if side >= 0 else found[1])


def written(model: Model, address: str, *, seed: int) -> list[list[set[str]]]:
    """Write after beginnings with the neuron multiplied; give each factor the words of each text."""
    tokenizer, found = copy.deepcopy(model.tokenizer), []
    tokenizer.padding_side, tokenizer.pad_token = "left", tokenizer.pad_token or tokenizer.eos_token
    given = tokenizer(list(STARTS), padding=True, return_tensors="pt").to(model.device)
    keywords = {"input_ids": given.input_ids, "attention_mask": given.attention_mask, "max_new_tokens": 30}
    keywords |= {"do_sample": True, "top_k": 0, "pad_token_id": tokenizer.pad_token_id}
    for factor in FACTORS:
        torch.manual_seed(seed)
        with torch.inference_mode(), edit(model, {address: ("scale", factor)}):
            made = model.network.generate(**keywords)[:, given.input_ids.shape[1] :]
        found.append([words_of(each) for each in tokenizer.batch_decode(made, skip_special_tokens=True)])
    return found


def faithfulness(shares: Sequence[float]) -> float:
    """Give what the best factor adds to the share without the neuron, which is the first, of what it could add."""
    return max(max(shares) - shares[0], 0.0) / max(1.0 - shares[0], 1e-9)


def main() -> None:
    """Print a row a description: the neuron's own, another one's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("corpus", help="what the run was collected from, or another corpus")
    parser.add_argument("--neurons", type=int, default=100, help="whose top lists are judged, at random")
    parser.add_argument("--written", type=int, default=5, help="of them, those that texts are written with")
    parser.add_argument("--words", type=int, default=8, help="of a description")
    parser.add_argument("--texts", type=int, default=2_000, help="held-out sentences at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    random = np.random.default_rng(given.seed)
    run, corpus = neurolect.open_run(given.run), open_corpus(given.corpus)
    try:
        model = load_model_of(run, device=given.device, load=partial(neurolect.load_model, head="lm"))
    except MissingHeadError:
        model = load_model_of(run, device=given.device)
    ids = np.sort(random.permutation(corpus.sentence_ids("held_out"))[: given.texts])
    texts = corpus.take(ids, columns=["text"]).column("text").to_pylist()
    said = [words_of(each) for each in texts]
    places = {address: place for place, address in enumerate(model.addresses)}
    described = list[tuple[str, list[str]]]()
    for address in random.permutation(list(places)).tolist():
        rows = run.neuron(address).signature("top")["words"].to_pylist()
        words = [row["word"] for row in rows if row["word_class"] == "all"][: given.words]
        if len(words) == given.words:
            described.append((address, words))
        if len(described) == given.neurons:
            break
    values = model.activations(texts)
    writes = getattr(model.network, "can_generate", lambda: False)()
    said_by = [written(model, each, seed=given.seed) for each, _ in described[: given.written if writes else 0]]
    names, made = ("clarity", "responsiveness", "purity", "purity by chance"), []
    for name, shift in (("its own", 0), ("of another neuron", 1)):
        numbers, faithful = list[tuple[float, ...]](), list[float]()
        for number, (address, _) in enumerate(described):
            words = described[(number + shift) % len(described)][1]
            own, has = values[:, places[address]], np.array([not each.isdisjoint(words) for each in said])
            frames = model.activations(framed(words, random=random))[:, places[address]]
            clarity = gini_and_precision(own, frames)[0]
            numbers.append((clarity, *gini_and_precision(own[~has], own[has]), float(has.mean())))
            if number < len(said_by):
                shares = [np.mean([not each.isdisjoint(words) for each in one]) for one in said_by[number]]
                faithful.append(faithfulness(np.array(shares).tolist()))
        row = {key: mean(each) for key, each in zip(names, zip(*numbers, strict=True), strict=True)}
        made.append({"description": name} | row | {"faithfulness": mean(faithful)})
    print(f"{len(described)} top lists, {len(texts)} sentences; faithfulness of {len(said_by)}.\n\n{table(made)}")


if __name__ == "__main__":
    main()
