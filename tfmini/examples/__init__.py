"""``tf.examples``: the data that TensorFlow's own tutorials read."""
