"""What only a new process can show: ``python -m tests.bench.fresh PEER THREADS WHAT ...``.

In: ``import``, ``first`` or ``rss WORKLOAD STEPS``. Out: {"value": seconds or MB} as the last line.
At the top stands only what the interpreter has loaded anyway, for imports are being timed.
"""

import sys
import time


def seconds_to_import(module):
    begin = time.perf_counter()
    __import__(module)
    return time.perf_counter() - begin


def import_time(peer):
    """Return the seconds to import the peer after NumPy; for NumPy itself, NumPy's."""
    from .workloads import PEERS, REFERENCE

    own = seconds_to_import("numpy")
    if peer == REFERENCE:
        return own
    if PEERS[peer] is None:
        from .interface import Unsupported

        raise Unsupported("is only a file of this folder")
    return seconds_to_import(PEERS[peer])


def first_result(peer, threads):
    from .interface import Unsupported, load

    loaded = load(peer, threads)
    if "mlp_adam" in loaded.cannot:
        raise Unsupported(loaded.cannot["mlp_adam"])
    return loaded.first_result()


def peak_memory(peer, threads, workload, steps):
    """Return the peak resident megabytes of a process that has run `steps` steps."""
    from .interface import load
    from .workloads import BY_NAME

    step = load(peer, threads).step(BY_NAME[workload])
    for _ in range(int(steps)):
        step.run()
    return high_water_mark()


def high_water_mark():
    """Return this process's peak resident memory in MB.

    Linux's `ru_maxrss` is kept over `exec`, so it would show the harness's peak where that is
    larger; VmHWM belongs to this program alone.
    """
    try:
        with open("/proc/self/status") as status:
            line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    except OSError:
        import resource

        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main(peer, threads, what, *arguments):
    try:
        if what == "import":
            reply = {"value": import_time(peer)}
        elif what == "first":
            reply = {"value": first_result(peer, int(threads))}
        else:
            reply = {"value": peak_memory(peer, int(threads), *arguments)}
    except Exception as error:  # noqa: BLE001 - any failure of a peer is a result
        from .worker import reason_of

        reply = {"error": reason_of(error)}
    import json

    print("\n" + json.dumps(reply))


if __name__ == "__main__":
    main(*sys.argv[1:])
