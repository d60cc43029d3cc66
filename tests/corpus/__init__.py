"""TensorFlow 1 scripts, run on tfmini and on TensorFlow: ``python -m tests.corpus FOLDER``."""
