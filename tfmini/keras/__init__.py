"""``tf.keras``: of it, the data sets; its layers and models are out of scope."""

from __future__ import annotations

from tfmini.keras import datasets

__all__ = ["datasets"]
