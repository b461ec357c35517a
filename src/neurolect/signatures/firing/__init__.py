"""What is at the token where a neuron's activation over a sentence is greatest."""
