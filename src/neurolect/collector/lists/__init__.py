"""What a pass keeps of every neuron: lists, moments, sample."""
