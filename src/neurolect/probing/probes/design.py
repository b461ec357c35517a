"""The rows that a linear probe is fitted on: in memory where they fit, else read block by block in every pass.

Dims: T units, N neurons, K rows of weights. Columns are centred; `scale_N` is their standard deviation, or 1.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.probing.labels import check_finite
from neurolect.probing.rows import Rows, Selection, row_numbers, tensor_of

_CACHE, _LARGE = 5 << 20, 1 << 28
"""Bytes of a piece of rows: on a CPU it is widened, centred and multiplied while in the cache."""


class Design:
    """Products of the rows with weights and with residuals."""

    def __init__(
        self,
        rows: Rows,
        chosen: NDArray[np.int64],
        *,
        columns: Selection,
        device: str,
        dtype: torch.dtype,
        memory: int,
    ) -> None:
        self.rows, self.chosen, self.columns = rows, chosen, columns
        self.device, self.dtype = torch.device(device), dtype
        self.n = len(chosen)
        self.n_columns = len(row_numbers(columns, rows.n_neurons))
        self._buffer = torch.empty(0, dtype=dtype, device=self.device)
        self.mean_N, self.sd_N = self._moments()
        self.scale_N = torch.where(self.sd_N > 0, self.sd_N, torch.ones_like(self.sd_N)).to(dtype)
        self._shift_N = self.mean_N.to(dtype)
        self._held: Tensor | None = None
        if self.n * self.n_columns * torch.finfo(dtype).bits // 8 <= memory:
            held = torch.empty((self.n, self.n_columns), dtype=dtype, device=self.device)
            for at, block in self._read():
                torch.sub(block, self._shift_N, out=held[at : at + len(block)])
            self._held = held

    def project(self, weights_KN: Tensor) -> Tensor:
        """Give every unit's scores: the centred rows times weights of the unscaled columns; shape (T, K)."""
        scores_TK = torch.empty((self.n, len(weights_KN)), dtype=self.dtype, device=self.device)
        for at, block_TN in self._centred():
            torch.mm(block_TN, weights_KN.T, out=scores_TK[at : at + len(block_TN)])
        return scores_TK

    def gradient(self, residuals_TK: Tensor) -> Tensor:
        """Give the sum over units of residual times centred row; shape (K, N)."""
        total_KN = torch.zeros((residuals_TK.shape[1], self.n_columns), dtype=self.dtype, device=self.device)
        for at, block_TN in self._centred():
            total_KN.addmm_(residuals_TK[at : at + len(block_TN)].T, block_TN)
        return total_KN

    def _centred(self) -> Iterator[tuple[int, Tensor]]:
        if self._held is not None:
            for at in range(0, self.n, 2048):
                yield at, self._held[at : at + 2048]
            return
        for at, block in self._read():
            yield at, block.sub_(self._shift_N)

    def _read(self) -> Iterator[tuple[int, Tensor]]:
        """Read the rows, one block in one buffer after the other."""
        at = 0
        piece_bytes = _CACHE if self.device.type == "cpu" else _LARGE
        height = max(1, piece_bytes // (self.n_columns * self.dtype.itemsize))
        for _, block in self.rows.blocks(self.chosen, self.columns):
            for first in range(0, len(block), height):
                piece = block[first : first + height]
                if self._buffer.numel() < piece.size:
                    self._buffer = torch.empty(piece.size, dtype=self.dtype, device=self.device)
                into = self._buffer[: piece.size].view(piece.shape)
                into.copy_(tensor_of(piece))
                yield at, into
                at += len(piece)

    def _moments(self) -> tuple[Tensor, Tensor]:
        """Give mean and standard deviation of the columns, in float64; refuse what is not finite."""
        total = torch.zeros(self.n_columns, dtype=torch.float64, device=self.device)
        squares, shift = torch.zeros_like(total), torch.zeros_like(total)
        for at, block in self._read():
            if at == 0:
                shift = block[0].double()
            away = block - shift.to(self.dtype)
            total += away.sum(0).double()
            squares += away.mul_(away).sum(0).double()
        odd = ~torch.isfinite(total + squares)
        check_finite(int(odd.sum()), n_columns=self.n_columns)
        mean = total / self.n
        variance = squares / self.n - mean * mean
        sd = torch.where(variance > 1e-12 * squares / self.n, variance.clamp(min=0), 0 * variance).sqrt()
        return mean + shift, sd
