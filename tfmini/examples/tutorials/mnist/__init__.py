"""The data of the tutorials on MNIST."""
