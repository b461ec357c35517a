"""The planted network run by plain Hugging Face: values at words, and the loss when one neuron is set to zero."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer

Values = NDArray[np.float64]


class ByHand:
    """One network and labelled sentences; arrays have an entry a word, sentence by sentence."""

    def __init__(self, folder: Path, sentences: list[dict[str, Any]]) -> None:
        self.network: Any = AutoModelForCausalLM.from_pretrained(folder).eval()
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        given = tokenizer([" ".join(each["tokens"]) for each in sentences], padding=True, return_tensors="pt")
        self.tokens: Tensor = given["input_ids"]
        self.kept: Tensor = given["attention_mask"].bool()
        self.kept[:, 0] = False  # the start
        self.sentences = sentences
        self.states: dict[str, Tensor] = {}
        hooks = [module.register_forward_hook(self._keep(name)) for name, module in self.modules().items()]
        self.before = self._losses()
        for hook in hooks:
            hook.remove()
        self.last = np.isnan(self.before)

    def modules(self) -> dict[str, nn.Module]:
        blocks = list(self.network.model.layers)
        mlps = {f"mlp.{number}": block.mlp.down_proj for number, block in enumerate(blocks, 1)}
        return mlps | {f"hidden.{number}": block for number, block in enumerate(blocks, 1)}

    def labels(self, concept: str) -> NDArray[np.bool_]:
        return np.array([bool(value) for each in self.sentences for value in each[concept]], dtype=np.bool_)

    def values(self, address: str) -> Values:
        layer, _, index = address.rpartition(".")
        return self._flat(self.states[layer][..., int(index)])

    def change(self, address: str) -> Values:
        """Set one neuron to zero; give by how much the next word's loss rises, NaN at the last of a sentence."""
        layer, _, index = address.rpartition(".")
        module = self.modules()[layer]

        def silence(state: Tensor) -> Tensor:
            changed = state.clone()
            changed[..., int(index)] = 0.0
            return changed

        if layer.startswith("mlp"):
            hook = module.register_forward_pre_hook(lambda _, given: (silence(given[0]),))
        else:
            hook = module.register_forward_hook(lambda _, __, made: silence(made))
        try:
            return self._losses() - self.before
        finally:
            hook.remove()

    def _keep(self, name: str) -> Any:
        def keep(_: object, given: Any, made: Any) -> None:
            self.states[name] = given[0] if name.startswith("mlp") else made

        return keep

    @torch.no_grad()
    def _losses(self) -> Values:
        scores = self.network(self.tokens, attention_mask=self.tokens != 0).logits.log_softmax(-1)
        own = -scores[:, :-1].gather(2, self.tokens[:, 1:, None])[..., 0]
        own = torch.cat([own, torch.full_like(own[:, :1], torch.nan)], dim=1)
        own[:, :-1][~self.kept[:, 1:]] = torch.nan
        return self._flat(own)

    def _flat(self, states: Tensor) -> Values:
        flat: Values = states[self.kept].double().numpy()
        return flat


def average_precision(holds: NDArray[np.bool_], scores: Values) -> float:
    """Mean precision at the places of the positives, ties in the order of the words."""
    ordered = holds[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(ordered) / np.arange(1, len(ordered) + 1))[ordered].mean())
