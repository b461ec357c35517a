"""Train a small top-k sparse autoencoder on a model's hidden states, and write it as SAELens does.

    python examples/train_sae.py minilm CORPUS --layer 4 --out my-sae
    neurolect collect minilm CORPUS --out my-latents --sae my-sae

CORPUS is what `neurolect prepare` makes; its held-out part judges the result: the share of the states' variance
that is explained, latents above 0 a token, latents that never are, and for a decoder the loss with states replaced
by what the autoencoder makes of them. Next to each is the same of an autoencoder with random directions.
After Gao et al. (2024), Scaling and evaluating sparse autoencoders; without their auxiliary loss.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from neurolect.corpus import open_corpus
from neurolect.model import Model, ModelOptions, load_model
from neurolect.model.architecture.taps import write
from neurolect.model.token_values import read_token_values


@dataclass
class TopK:
    """Encoder, its bias, decoder rows of length 1, and what is added to them."""

    encoder: Tensor  # (D, L)
    bias: Tensor  # (L,)
    decoder: Tensor  # (L, D)
    middle: Tensor  # (D,)
    k: int

    def encode(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Give the k largest latents of each state and which they are, shape (n, k)."""
        largest = torch.addmm(self.bias, states - self.middle, self.encoder).topk(self.k, dim=1, sorted=False)
        return largest.values.relu(), largest.indices

    def decode(self, values: Tensor, indices: Tensor) -> Tensor:
        """Add up their directions."""
        return (
            torch.nn.functional.embedding_bag(indices, self.decoder, per_sample_weights=values, mode="sum")
            + self.middle
        )


def states_of(model: Model, texts: list[str], *, most: int) -> Tensor:
    """Read hidden states at the tokens of texts, special ones left out, shape (n, D)."""
    parts, n = [], 0
    for each in read_token_values(model, texts):
        parts.append(torch.from_numpy(each.values.astype(np.float32)))
        n += len(each.values)
        if n >= most:
            break
    return torch.cat(parts)[:most]


def random_topk(states: Tensor, *, n_latents: int, k: int, seed: int) -> TopK:
    """Start: random directions, the encoder reads what the decoder writes."""
    random = torch.Generator().manual_seed(seed)
    decoder = torch.nn.functional.normalize(torch.randn(n_latents, states.shape[1], generator=random), dim=1)
    return TopK(decoder.T.clone(), torch.zeros(n_latents), decoder, states.mean(0), k)


def train(states: Tensor, start: TopK, *, steps: int, batch: int, rate: float, seed: int) -> TopK:
    """Minimise the squared error."""
    random = torch.Generator().manual_seed(seed + 1)
    size = (states - start.middle).square().sum(1).mean().sqrt()  # states are brought to length 1
    weights = [start.encoder.clone(), start.bias.clone(), start.decoder.clone(), start.middle / size]
    made = TopK(*(each.requires_grad_() for each in weights), start.k)
    optimiser = torch.optim.Adam(weights, lr=rate, betas=(0.9, 0.999))
    started = time.monotonic()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 50, (steps - step) / (0.2 * steps))
        chosen = states[torch.randint(len(states), (batch,), generator=random)] / size
        loss = (made.decode(*made.encode(chosen)) - chosen).square().sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            made.decoder.data = torch.nn.functional.normalize(made.decoder, dim=1)
        if step % 50 == 49:
            left = (time.monotonic() - started) / (step + 1) * (steps - step - 1)
            print(f"step {step + 1} of {steps}: error {loss.item():.3f}, {left:.0f} s to go", file=sys.stderr)
    encoder, bias, decoder, middle = (each.detach() for each in weights)
    return TopK(encoder, bias * size, decoder, middle * size, start.k)


@torch.no_grad()
def judged(states: Tensor, made: TopK) -> dict[str, float]:
    """Give explained variance, latents above 0 a token, and the share of latents that never are."""
    error, n_above, ever = 0.0, 0, torch.zeros(len(made.bias), dtype=torch.bool)
    for part in states.split(4096):
        values, indices = made.encode(part)
        error += float((made.decode(values, indices) - part).square().sum())
        n_above += int((values > 0).sum())
        ever[indices[values > 0]] = True
    whole = float((states - states.mean(0)).square().sum())
    return {
        "explained variance": 1 - error / whole,
        "latents above 0 a token": n_above / len(states),
        "dead": float((~ever).float().mean()),
    }


def _as_it_is(_number: int, states: Tensor) -> Tensor:
    return states


def _replaced(_number: int, states: Tensor, *, by: TopK | None) -> Tensor:
    """Replace the states after the first token."""
    new = torch.zeros_like(states) if by is None else by.decode(*by.encode(states[0]))[None]
    return torch.cat([states[:, :1], new[:, 1:]], dim=1)


@torch.no_grad()
def losses(model: Model, texts: list[str], made: dict[str, TopK | None]) -> dict[str, float]:
    """Give a decoder's loss a token with the states after the first token replaced; None: by zeros."""
    sums, n = dict.fromkeys(["plain", *made], 0.0), 0
    tap = model.taps[0]
    for text in texts:
        ids = torch.tensor([model.tokenizer([text])["input_ids"][0][:64]])
        if ids.shape[1] < 3:
            continue
        n += ids.shape[1] - 2

        for name in sums:
            edit = partial(_replaced, by=made[name]) if name in made else _as_it_is
            with write(model.body, [tap], edit=edit):
                scores = model.network(input_ids=ids).logits[0, 1:-1].float()
            sums[name] += float(torch.nn.functional.cross_entropy(scores, ids[0, 2:], reduction="sum"))
    return {name: each / n for name, each in sums.items()}


def hook_of(model: Model, layer: int) -> str:
    """Name the place: as TransformerLens does of a decoder, else the block's own name."""
    if model.network is not model.body:
        return f"blocks.{layer - 1}.hook_resid_post"
    lists = [(name, each) for name, each in model.body.named_modules() if isinstance(each, torch.nn.ModuleList)]
    return f"{next(name for name, each in lists if len(each) == model.n_layers)}.{layer - 1}"


def save(made: TopK, out: Path, *, hook: str, model: str) -> None:
    """Write cfg.json and sae_weights.safetensors."""
    out.mkdir(parents=True, exist_ok=True)
    tensors = {"W_enc": made.encoder, "b_enc": made.bias, "W_dec": made.decoder, "b_dec": made.middle}
    save_file({name: each.contiguous() for name, each in tensors.items()}, out / "sae_weights.safetensors")
    width, n_latents = made.encoder.shape
    cfg = {"architecture": "topk", "d_in": width, "d_sae": n_latents, "k": made.k, "dtype": "float32"}
    cfg |= {"device": "cpu", "apply_b_dec_to_input": True, "normalize_activations": "none"}
    cfg |= {"reshape_activations": "none", "rescale_acts_by_decoder_norm": False}
    cfg |= {"metadata": {"model_name": model, "hook_name": hook, "prepend_bos": False}}
    (out / "cfg.json").write_text(json.dumps(cfg, indent=2) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("corpus")
    parser.add_argument("--layer", type=int, required=True, help="hidden layer, from 1")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--latents", type=int, default=2048)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--tokens", type=int, default=400_000)
    parser.add_argument("--held-out-tokens", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--half", type=int, choices=(0, 1), help="train on every other sentence only")
    parser.add_argument("--head", choices=("lm",), help="a decoder with its head: its loss is measured")
    return parser.parse_args()


def main() -> None:
    """Train, judge, write; the figures go to judged.json, too."""
    given = arguments()
    skip = 1 if given.head else 0  # a decoder's first token is an attention sink
    options = ModelOptions(layers=(given.layer,), skip_first=skip)
    model = load_model(given.model, options=options, head=given.head)
    corpus = open_corpus(given.corpus)
    texts = {
        part: [text for table in corpus.batches(part=part, columns=["text"]) for text in table["text"].to_pylist()]
        for part in ("mining", "held_out")
    }
    order = np.random.default_rng(0).permutation(len(texts["mining"]))
    chosen = order if given.half is None else order[given.half :: 2]
    states = states_of(model, [texts["mining"][each] for each in chosen], most=given.tokens)
    held_out = states_of(model, texts["held_out"], most=given.held_out_tokens)
    print(f"{len(states):,} states to train on, {len(held_out):,} held out", file=sys.stderr)
    start = random_topk(states, n_latents=given.latents, k=given.k, seed=given.seed)
    made = train(states, start, steps=given.steps, batch=given.batch, rate=given.rate, seed=given.seed)
    report: dict[str, object] = {"trained": judged(held_out, made), "random": judged(held_out, start)}
    if given.head:
        report["loss"] = losses(model, texts["held_out"][:200], {"trained": made, "random": start, "zeros": None})
    save(made, given.out, hook=hook_of(model, given.layer), model=model.name)
    save(start, given.out.with_name(f"{given.out.name}-random"), hook=hook_of(model, given.layer), model=model.name)
    (given.out / "judged.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
