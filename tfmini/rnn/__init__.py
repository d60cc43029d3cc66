"""Recurrent networks: cells, and what runs them over sequences.

In: a cell, and a tensor of sequences or a list of steps.  Out: the outputs of all steps, and the
last state.
"""
