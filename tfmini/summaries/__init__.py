"""``tf.summary``: what TensorBoard shows.

In: tensors, a graph, the record of a run.  Out: operations whose values are ``Summary`` messages,
and event files.
"""
