"""The oracle: tfmini against TensorFlow, on generated cases.

``python -m tests.oracle --python PATH_TO_PYTHON_WITH_TENSORFLOW`` compares both and prints what is
equal, what deviates on purpose, and what fails.  The two never meet in one process: a worker in
TensorFlow's environment evaluates all cases in one go.

The way of the data: ``names`` (what to compare) and ``table_*`` + the samples of the operations
-> ``generate`` (cases) -> ``evaluate`` (outcomes; here, and by ``worker`` there) -> ``compare``
(differences) -> ``deviations`` (which are meant) -> ``report``.
"""
