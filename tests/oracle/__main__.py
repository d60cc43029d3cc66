"""``python -m tests.oracle --python PATH_TO_PYTHON_WITH_TENSORFLOW [--ops NAME,...]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from tests.oracle.run import OracleError, run


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.oracle", description="Compare tfmini with TensorFlow, op by op."
    )
    parser.add_argument(
        "--python",
        default=os.environ.get("TFMINI_ORACLE_PYTHON", sys.executable),
        help="an interpreter that has TensorFlow (default: $TFMINI_ORACLE_PYTHON, else this one)",
    )
    parser.add_argument("--ops", help="paths below tf, e.g. nn.relu,concat (default: all)")
    parser.add_argument("--report", type=Path, help="also write the report as JSON to this file")
    options = parser.parse_args()
    only = options.ops.split(",") if options.ops else None
    try:
        report = run(options.python, only)
    except OracleError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    print(report.as_text())
    if options.report:
        options.report.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
