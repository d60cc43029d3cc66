"""Pure functions from NumPy arrays to new NumPy arrays: the heavy arithmetic of the ops.

Kernels know nothing of graphs. They never write their inputs, never return a view of one,
keep float16, float32 and float64, and work on batches of size zero.
"""
