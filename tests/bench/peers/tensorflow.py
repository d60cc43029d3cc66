"""TensorFlow's own `compat.v1` sessions.

In: the shared graphs of `tf1`. Out: steps. Threads inside a kernel are bounded as for BLAS;
TensorFlow's threads between operations stay its own choice, as tfmini's branches do.
"""

import os

# Must be set before the import: otherwise start-up messages fill the worker's stderr.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow

from .tf1 import TF1Peer


class TensorFlow(TF1Peer):
    distribution = "tensorflow"
    tf = tensorflow.compat.v1

    def __init__(self, threads):
        super().__init__(threads)
        self.tf.disable_v2_behavior()

    def session(self, graph):
        config = self.tf.ConfigProto(intra_op_parallelism_threads=self.threads)
        return self.tf.Session(graph=graph, config=config)

    def versions(self):
        # The distribution may be called tensorflow-cpu, so the module is asked.
        return {**super().versions(), "tensorflow": tensorflow.__version__}


PEER = TensorFlow
