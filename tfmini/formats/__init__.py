"""The files and messages of TensorFlow: protocol buffers, records, checkpoints, events.

In and out: bytes and files on the one side, plain Python and NumPy on the other.  Nothing here
knows of graphs or sessions.
"""
