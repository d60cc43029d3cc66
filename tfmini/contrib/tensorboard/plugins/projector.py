"""``projector``: which variables TensorBoard shows as points in space.

In: a ``ProjectorConfig`` that names variables, with files of labels and pictures for their rows.
Out: ``projector_config.pbtxt`` in the folder of a ``FileWriter``; the values are those of the
checkpoint that is saved beside it.  Field numbers: TensorBoard's projector_config.proto.
"""

from __future__ import annotations

import os
from typing import Any

from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.formats.fields import Field
from tfmini.formats.protobuf import Message
from tfmini.formats.prototext import to_text

__all__ = ["EmbeddingInfo", "ProjectorConfig", "SpriteMetadata", "visualize_embeddings"]

_FILE = "projector_config.pbtxt"


class SpriteMetadata(Message):
    """A picture made of one small picture per row, left to right and top to bottom."""

    image_path = Field(1, "string")
    single_image_dim = Field(2, "uint32", repeated=True)


class EmbeddingInfo(Message):
    """A variable [points, n], and what its rows are called and look like."""

    tensor_name = Field(1, "string")
    metadata_path = Field(2, "string")
    bookmarks_path = Field(3, "string")
    tensor_shape = Field(4, "uint32", repeated=True)
    sprite = Field(5, SpriteMetadata)
    tensor_path = Field(6, "string")


class ProjectorConfig(Message):
    """What the projector shows."""

    model_checkpoint_path = Field(1, "string")
    embeddings = Field(2, EmbeddingInfo, repeated=True)
    model_checkpoint_dir = Field(3, "string")


def visualize_embeddings(summary_writer: Any, config: ProjectorConfig) -> None:
    """Write ``config`` to ``projector_config.pbtxt`` in the folder of ``summary_writer``."""
    folder = summary_writer.get_logdir()
    if folder is None:
        raise InvalidArgumentError(None, None, "visualize_embeddings: the writer has no folder.")
    if not isinstance(config, ProjectorConfig):
        raise InvalidTypeError(
            None, None, f"visualize_embeddings takes a ProjectorConfig, not {config!r}."
        )
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, _FILE), "w", encoding="utf-8") as file:
        file.write(to_text(config))
