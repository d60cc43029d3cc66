"""Random numbers under the names of ``tf.random``."""

from __future__ import annotations

from tfmini.defaults import get_seed, set_random_seed
from tfmini.ops.candidates import (
    all_candidate_sampler,
    fixed_unigram_candidate_sampler,
    log_uniform_candidate_sampler,
    uniform_candidate_sampler,
)
from tfmini.ops.random import categorical, multinomial, truncated_normal
from tfmini.ops.random import random_gamma as gamma
from tfmini.ops.random import random_normal as normal
from tfmini.ops.random import random_poisson as poisson
from tfmini.ops.random import random_shuffle as shuffle
from tfmini.ops.random import random_uniform as uniform
from tfmini.ops.stateless import (
    stateless_categorical,
    stateless_multinomial,
    stateless_normal,
    stateless_truncated_normal,
    stateless_uniform,
)
