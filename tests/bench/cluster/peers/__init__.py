"""The peers of the cluster's benchmarks, one a file, each with its class as `PEER`."""
