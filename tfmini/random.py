"""Random numbers under the names of ``tf.random``."""

from __future__ import annotations

from tfmini.defaults import set_random_seed
from tfmini.ops.random import categorical, multinomial, truncated_normal
from tfmini.ops.random import random_gamma as gamma
from tfmini.ops.random import random_normal as normal
from tfmini.ops.random import random_poisson as poisson
from tfmini.ops.random import random_shuffle as shuffle
from tfmini.ops.random import random_uniform as uniform
