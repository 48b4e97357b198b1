# SPDX-License-Identifier: Apache-2.0
"""The wire contracts as Python modules, generated from proto/ by protoc."""
import importlib
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build():
    """The folder of the build under test: $GAVEA_BUILD, or build/release."""
    return pathlib.Path(os.environ.get("GAVEA_BUILD", ROOT / "build" / "release")).resolve()


def load(folder):
    """Generates into folder and returns the modules (report_pb2, worker_pb2); control() has that of the control socket."""
    if "worker_pb2" not in sys.modules:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["protoc", f"--proto_path={ROOT / 'proto'}", f"--python_out={folder}",
                        "report.proto", "worker.proto", "control.proto"], cwd=ROOT, check=True)
        sys.path.insert(0, str(folder))
    return importlib.import_module("report_pb2"), importlib.import_module("worker_pb2")


def control(folder):
    """The module control_pb2."""
    load(folder)
    return importlib.import_module("control_pb2")
