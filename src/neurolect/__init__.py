"""Read what every neuron of a language model reads."""
