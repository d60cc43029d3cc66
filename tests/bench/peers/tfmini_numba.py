"""tfmini with the package tfmini-numba installed beside it (plugins/tfmini-numba).

In: the shared graphs of `tf1`. Out: steps, the compiled loops ready after the first run.
"""

import tfmini_numba  # noqa: F401 - a peer without it is listed as not installed

from .tfmini import TFMini


class TFMiniNumba(TFMini):
    distribution = "tfmini-numba"


PEER = TFMiniNumba
