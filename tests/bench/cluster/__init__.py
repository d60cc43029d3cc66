"""Benchmarks of tfmini on a Dask cluster of two workers; see `tests/bench/README.md`."""
