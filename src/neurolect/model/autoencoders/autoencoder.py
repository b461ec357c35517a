"""A sparse autoencoder: states to latents, and what a change of latents does to the states. Knows tensors only.

Dims: X tokens (any leading shape), D width of the states, L latents. Computed in float32 always.
"""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor

KINDS = ("standard", "jumprelu", "topk", "gated")
"""ReLU; ReLU above a threshold of each latent; the k largest; one that a gate lets through."""
NORMALISATIONS = ("none", "layer_norm", "constant_norm_rescale")
"""Of each state before it is read: not at all; to mean 0 and deviation 1; to length sqrt(D)."""
_EPSILON = 1e-5


class Read(NamedTuple):
    """States as the encoder takes them, and what undoes that."""

    rows: Tensor
    """Shape (X, D)."""
    scale: Tensor | None
    """What the decoder's output is multiplied by, shape (X, 1)."""
    mean: Tensor | None
    """What is added to it then, shape (X, 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoencoder:
    """Weights and how they are applied."""

    name: str
    """What its latents are called: ``latent.NAME``."""
    folder: str
    kind: str
    """One of ``KINDS``."""
    hook: str
    """Where it reads, in the words of its format."""
    trained_on: str | None
    """The model that its configuration names."""
    prepends: bool
    """Whether it was trained on texts with the token that begins them."""
    fingerprint: str
    """Hash of its files."""
    encoder: Tensor
    """Shape (D, L)."""
    bias: Tensor
    """Of the latents, shape (L,); of a gated one of its gates."""
    decoder: Tensor
    """Shape (L, D)."""
    middle: Tensor
    """Added to what is decoded, shape (D,)."""
    subtracts: bool = True
    """Whether ``middle`` is taken off the states first."""
    k: int = 0
    """Latents of a token that are above 0 at most; 0: any number."""
    by_norm: bool = False
    """Whether latents are counted in lengths of their decoder's rows."""
    normalisation: str = "none"
    centres: bool = False
    """Whether the network's states have their mean taken off first, as TransformerLens does to weights."""
    threshold: Tensor | None = None
    """Shape (L,)."""
    magnitude: Tensor | None = None
    """Of a gated one: logarithms of what the encoder is multiplied by, shape (L,)."""
    magnitude_bias: Tensor | None = None

    @property
    def site(self) -> str:
        """The site of its latents."""
        return f"latent.{self.name}"

    @property
    def width(self) -> int:
        """D."""
        return int(self.encoder.shape[0])

    @property
    def n_latents(self) -> int:
        """L."""
        return int(self.encoder.shape[1])

    @property
    def directions(self) -> Tensor:
        """What one of each latent adds to the states, shape (L, D), float32."""
        return self.decoder / self.decoder.norm(dim=1, keepdim=True) if self.by_norm else self.decoder

    def to(self, device: torch.device) -> "Autoencoder":
        """Move the weights to a device."""
        held: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        moved: dict[str, Any] = {
            name: each.to(device) if isinstance(each, Tensor) else each for name, each in held.items()
        }
        return Autoencoder(**moved)

    def encode(self, states: Tensor) -> Tensor:
        """Give the latents of states, shape (X, L), float32."""
        rows = self._read(states).rows
        made = self._latents(rows - self.middle if self.subtracts else rows)
        return made.reshape(*states.shape[:-1], self.n_latents)

    def _latents(self, rows: Tensor) -> Tensor:
        """Apply the encoder to rows; NaN stays NaN, so that it is found."""
        if self.magnitude is not None and self.magnitude_bias is not None:
            raw = rows @ self.encoder
            found = (raw * self.magnitude.exp() + self.magnitude_bias).relu_()
            return found.masked_fill_(raw + self.bias <= 0, 0.0)
        found = torch.addmm(self.bias, rows, self.encoder)
        if self.by_norm:
            found = found * self.decoder.norm(dim=1)
        if self.k:
            largest = found.topk(self.k, dim=1, sorted=False)
            return torch.zeros_like(found).scatter_(1, largest.indices, largest.values.relu())
        found = found.relu_()
        return found if self.threshold is None else found.masked_fill_(found <= self.threshold, 0.0)

    def changed(self, states: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """Give the states that have other latents: what the autoencoder does not explain of them stays.

        ``before, after``: Shape (X, L). Of the states as they are, and as they are to be.
        """
        difference = (after - before).reshape(-1, self.n_latents).float()
        if difference.requires_grad:  # what is 0 has a gradient, too
            step = difference @ self.directions
        else:
            moved = difference.ne(0).any(0).nonzero()[:, 0]
            step = difference[:, moved] @ self.directions[moved]
        scale = self._read(states).scale
        step = step if scale is None else step * scale
        return (states.float() + step.reshape(states.shape)).to(states.dtype)

    def reconstruct(self, states: Tensor) -> Tensor:
        """Give what the autoencoder makes of states, shape (X, D), float32; of centred ones without their mean."""
        read = self._read(states)
        made = self.encode(states).reshape(-1, self.n_latents) @ self.directions + self.middle
        made = made if read.scale is None else made * read.scale
        made = made if read.mean is None else made + read.mean
        return made.reshape(states.shape)

    def _read(self, states: Tensor) -> Read:
        """Bring states into the form in which they are read."""
        rows = states.reshape(-1, self.width).float()
        if self.centres:
            rows = rows - rows.mean(1, keepdim=True)
        if self.normalisation == "layer_norm":
            mean = rows.mean(1, keepdim=True)
            rows = rows - mean
            spread = rows.std(1, keepdim=True)
            return Read(rows / (spread + _EPSILON), spread, mean)
        if self.normalisation == "constant_norm_rescale":
            scale = rows.norm(dim=1, keepdim=True).clamp(min=1e-30) / self.width**0.5
            return Read(rows / scale, scale, None)
        return Read(rows, None, None)
