"""Graphs to and from TensorFlow's messages: ``GraphDef`` and ``MetaGraphDef``.

In: a graph.  Out: a message that TensorFlow and TensorBoard read, as far as the operations are
TensorFlow's; and back, from messages of either.
"""
