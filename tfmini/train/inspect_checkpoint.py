"""``tensorflow.python.tools.inspect_checkpoint``: what a checkpoint holds, printed.

In: a checkpoint's prefix.  Out: lines on standard output.
"""

from __future__ import annotations

import math
import re
from typing import Any

from tfmini.train.checkpoints import CheckpointReader


def print_tensors_in_checkpoint_file(
    file_name: Any,
    tensor_name: str | None = "",
    all_tensors: bool = False,
    all_tensor_names: bool = False,
    count_exclude_pattern: str = "",
) -> None:
    """Print tensors of the checkpoint ``file_name``: name, dtype, shape and value.

    Parameters
    ----------
    tensor_name : the one tensor to print; without it, names, dtypes and shapes of all
    all_tensors : print the values of all
    all_tensor_names : print all, without values
    count_exclude_pattern : tensors whose names match do not count in the number of parameters
    """
    reader = CheckpointReader(file_name)
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    if all_tensors or all_tensor_names:
        for name in sorted(shapes):
            print(f"tensor: {name} ({dtypes[name].name}) {shapes[name]}")
            if all_tensors:
                print(reader.get_tensor(name))
    elif tensor_name:
        value = reader.get_tensor(tensor_name)
        print(f"tensor: {tensor_name} ({dtypes[tensor_name].name}) {shapes[tensor_name]}")
        print(value)
    else:
        print(reader.debug_string().decode())
    left_out = re.compile(count_exclude_pattern) if count_exclude_pattern else None
    counted = [s for n, s in shapes.items() if left_out is None or not left_out.search(n)]
    print(f"# Total number of params: {sum(math.prod(shape) for shape in counted)}")
