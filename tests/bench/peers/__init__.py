"""The peers, one a file: each names its class `PEER`. Nothing is imported until it is asked for.

A file is named after its peer; imports are absolute, so `torch.py` here still imports PyTorch.
"""
