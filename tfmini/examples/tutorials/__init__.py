"""The data of TensorFlow's tutorials."""
