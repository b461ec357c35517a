"""Tests of what is at the token where a neuron is strongest."""
