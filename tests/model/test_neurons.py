"""Numbers and addresses of neurons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.errors import NeuronAddressError
from neurolect.model.neurons import NeuronIndex, SiteLayer

NEURONS = NeuronIndex((SiteLayer("mlp", 1, 4), SiteLayer("mlp", 3, 4), SiteLayer("hidden", 1, 2)))


def test_numbers_run_through_sites_layers_and_indices() -> None:
    assert NEURONS.n_neurons == len(NEURONS) == 10
    assert NEURONS.offsets.tolist() == [0, 4, 8, 10]
    assert [NEURONS.address(each) for each in (0, 3, 4, 8, 9)] == [
        "mlp.1.0",
        "mlp.1.3",
        "mlp.3.0",
        "hidden.1.0",
        "hidden.1.1",
    ]
    assert NEURONS.addresses() == [NEURONS.address(each) for each in range(10)]


@given(widths=st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_addresses_and_numbers_are_inverse(widths: list[int]) -> None:
    neurons = NeuronIndex(tuple(SiteLayer("hidden", layer, width) for layer, width in enumerate(widths)))
    assert [neurons.neuron_id(neurons.address(each)) for each in range(len(neurons))] == list(range(sum(widths)))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("hidden.1", r"'hidden.1' is not the address of a neuron.\nExpected: site.layer.index(.|\n)*mlp.3.1"),
        ("hidden.1.-1", "is not the address of a neuron"),
        ("hidden.one.1", "is not the address of a neuron"),
        ("hidden.1.\u0661", "is not the address of a neuron"),
        ("hiden.1.1", r"the site 'hiden' was not collected(.|\n)*nearest site is 'hidden'"),
        ("mlp.2.9", r"layer 2 of 'mlp' was not collected.\nExpected: one of the layers 1, 3\nHint: .* mlp.1.3"),
        ("mlp.8.2", r"the nearest is mlp.3.2"),
        ("hidden.1.2", r"hidden.1 has 2 neurons.\nExpected: an index from 0 to 1\nHint: the nearest is hidden.1.1"),
    ],
)
def test_wrong_addresses_name_the_nearest(address: str, message: str) -> None:
    with pytest.raises(NeuronAddressError, match=message):
        NEURONS.neuron_id(address)


@pytest.mark.parametrize("neuron_id", [-1, 10])
def test_wrong_numbers_are_refused(neuron_id: int) -> None:
    with pytest.raises(NeuronAddressError, match=f"no neuron number {neuron_id}.\nExpected: a number from 0 to 9"):
        NEURONS.address(neuron_id)
