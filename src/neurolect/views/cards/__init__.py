"""One neuron on a card."""
