"""
Three projects in turn on one token: each execution runs unattended while its user works elsewhere.

A project costs a token while somebody is connected, and not while it computes. So one user with one Mono token starts
three executions, one after the other, leaves each of them running, and comes back for the results.

    export SEATKEEPER_URL=… SEATKEEPER_ISV=… SEATKEEPER_API_KEY=… SEATKEEPER_LICENSE=…
    python unattended_execution.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress

from seatkeeper import Execution, Launcher, ProjectError

names = ["firmware", "driver", "loader"]


def compute(project_id: str, execution_id: str, secret: str) -> None:
    """The worker, a process of its own. Its reports need neither a session nor a token."""
    with Launcher() as launcher:
        execution = launcher.execution(project_id, execution_id, secret)
        for unit in range(1, 5):
            time.sleep(0.2)  # the work itself
            execution.report(units_done=unit)
        execution.finish("done")


def worker_of(execution: Execution) -> subprocess.Popen[str]:
    # The secret goes through a pipe: command lines are seen by others.
    worker = subprocess.Popen([sys.executable, __file__, "worker"], stdin=subprocess.PIPE, text=True)
    assert worker.stdin is not None
    worker.stdin.write(f"{execution.project_id} {execution.id} {execution.secret}")
    worker.stdin.close()
    return worker


def main() -> None:
    workers = []
    with Launcher() as launcher:
        for name in names:
            with suppress(ProjectError):  # it is there from the last time
                launcher.create_project(name)
            launcher.open_project(name, is_mono=True)
            with launcher.connect(name, wait=10) as project:  # takes a Mono token
                workers.append(worker_of(project.start_execution("analysis", units_total=4)))
            print(f"{name}: {launcher.execution_progress(name)}; {launcher.licenses().mono_left} Mono left")
        for name in names:
            progress = launcher.wait_execution(name, timeout_seconds=60)  # takes no token
            with launcher.connect(name, wait=10) as project:  # for the results
                print(f"{project.name}: {progress}")
            launcher.close_project(name, save=True)
    for worker in workers:
        worker.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        compute(*sys.stdin.read().split())
    else:
        main()
