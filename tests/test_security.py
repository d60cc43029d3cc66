"""Encrypted clusters as targets: a client, a cluster object, an address with Dask's settings."""

from __future__ import annotations

import shutil
import subprocess

import dask
import pytest
from distributed import Client, LocalCluster, Security

import tfmini as tf

pytestmark = pytest.mark.cluster


def by_openssl(folder):
    """Return Security with one new key and certificate for all, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("the command openssl is not installed: no certificate can be made")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    roles = ("client", "scheduler", "worker")
    files = {f"tls_{r}_{what}": str(p) for r in roles for what, p in [("key", key), ("cert", cert)]}
    return Security(require_encryption=True, tls_ca_file=str(cert), **files)


def by_distributed(folder):
    """Return Dask's temporary credentials."""
    pytest.importorskip("cryptography", reason="Security.temporary needs cryptography")
    return Security.temporary()


@pytest.fixture(params=[by_openssl, by_distributed], scope="module")
def cluster(request, tmp_path_factory):
    """A worker and a scheduler that speak TLS only."""
    security = request.param(tmp_path_factory.mktemp("keys"))
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tls", security=security,
        dashboard_address=":0",
    ) as cluster:  # fmt: skip
        yield cluster


def works(target):
    v = tf.Variable(1.0)
    with tf.Session(target) as session:
        session.run(v.assign_add(2.0))
        assert session.run(v) == 3.0
        return session._executor.client.scheduler.address


def config(security):
    """Return Dask's settings for a client with these credentials."""
    tls = {"ca-file": security.tls_ca_file, "client.cert": security.tls_client_cert,
           "client.key": security.tls_client_key}  # fmt: skip
    return {f"distributed.comm.tls.{name}": value for name, value in tls.items()}


def test_a_client_and_a_cluster_bring_their_credentials(cluster):
    with Client(cluster, set_as_default=False) as client:
        assert works(client).startswith("tls://")
    assert works(cluster).startswith("tls://")


def test_an_address_is_used_with_the_credentials_of_dasks_config(cluster):
    with dask.config.set(config(cluster.security)):
        assert works(cluster.scheduler_address).startswith("tls://")
        with dask.config.set(scheduler="sync"), tf.Session() as session:
            assert session.run(tf.constant(1.0)) == 1.0


def test_without_credentials_the_error_says_so(cluster):
    with pytest.raises(tf.errors.UnavailableError, match=r"distributed\.comm\.tls"):
        tf.Session(cluster.scheduler_address)
