"""Packed attention: which kernel it takes, and that it compiles in one piece."""

import pytest
import torch
from torch import Tensor

from neurolect.model.ways import packed_attention as module
from neurolect.model.ways.packed_attention import packed_attention


@torch.library.custom_op("neurolect_tests::attend", mutates_args=())
def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bounds: Tensor,
    longest: int,
    scale: float,
    causal: bool,
    reach: int,
) -> Tensor:
    tensors = (query[None], key[None], value[None])
    return module._one_by_one(tensors, bounds, scale=scale, causal=causal, reach=reach)[0].contiguous()


@attend.register_fake
def _shape(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bounds: Tensor,
    longest: int,
    scale: float,
    causal: bool,
    reach: int,
) -> Tensor:
    return query.new_empty((query.shape[1], query.shape[0], query.shape[2]))


def heads(lengths: list[int], *, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    bounds = torch.tensor([0, *lengths]).cumsum(0).to(torch.int32)
    made = (torch.randn(1, sum(lengths), 2, 16, generator=generator).transpose(1, 2) for _ in range(3))
    query, key, value = made
    return query, key, value, bounds


def test_a_block_with_it_compiles_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_fits_a_tile", lambda *_: len(module._short_kernel) > 0)
    monkeypatch.setitem(module._short_kernel, "gpu", attend)
    block = torch.nn.Identity()

    def forward(query: Tensor, key: Tensor, value: Tensor, bounds: Tensor, longest: int) -> Tensor:
        return packed_attention(block, query, key, value, None, cu_seqlens=bounds, max_len=longest)[0] * 2

    compiled = torch.compile(forward, backend="eager", fullgraph=True, dynamic=True)
    for lengths in ([3, 9], [7, 12, 5], [20]):
        given = *heads(lengths), max(lengths)
        assert torch.allclose(compiled(*given), forward(*given), atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "longest", "width", "wanted"),
    [
        (torch.float16, 64, 64, True),
        (torch.bfloat16, 3, 16, True),
        (torch.float32, 3, 64, False),
        (torch.float16, 65, 64, False),
        (torch.float16, 9, 48, False),
    ],
)
def test_only_short_sentences_of_16_bit_fit_a_tile(
    *, dtype: torch.dtype, longest: int, width: int, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OnGpu:
        is_cuda = True

        def __init__(self) -> None:
            self.dtype, self.shape = dtype, (1, 2, longest, width)

        def stride(self, _: int) -> int:
            return 1

    monkeypatch.setitem(module._short_kernel, "gpu", attend)
    given = OnGpu()
    assert module._fits_a_tile(given, given, given, longest) is wanted  # type: ignore[arg-type]
    monkeypatch.delitem(module._short_kernel, "gpu")
    assert not module._fits_a_tile(given, given, given, longest)  # type: ignore[arg-type]
