"""tfmini itself, without the plugins that may be installed beside it (see `client.environment`).

In: the shared graphs of `tf1`. Out: steps. BLAS threads come from the environment; scheduling is
tfmini's default, as a user meets it.
"""

import tfmini

from .tf1 import TF1Peer


class TFMini(TF1Peer):
    distribution = "tfmini"
    tf = tfmini


PEER = TFMini
