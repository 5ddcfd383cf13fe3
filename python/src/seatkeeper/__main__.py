"""`python -m seatkeeper`: looks at a project licence, and opens and closes its projects. Takes no token."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from ._errors import SeatkeeperError
from ._launcher import Launcher
from ._opening import is_refusal
from ._settings import NotConfigured

usage_status, refused_status, fault_status = 2, 1, 3


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        with Launcher(
            url=options.url, isv=options.isv, license=options.license, user=options.user, admin=options.admin
        ) as launcher:
            _commands[options.command](launcher, options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has read enough; what is left must not be tried again at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except NotConfigured as error:
        return _tell(error, usage_status)
    except SeatkeeperError as error:
        return _tell(error, refused_status if is_refusal(error) else fault_status)
    return 0


def _tell(error: Exception, status: int) -> int:
    print(f"seatkeeper: {error}", file=sys.stderr)
    return status


def _status(launcher: Launcher, options: argparse.Namespace) -> None:
    print(launcher.licenses())
    for project in launcher.projects():
        print(project)


def _who(launcher: Launcher, options: argparse.Namespace) -> None:
    for project in launcher.projects():
        for user in project.users:
            since = f"{user.since:%Y-%m-%d %H:%M} UTC" if user.since else "?"
            print(f"{project.name}\t{project.kind}\t{user.user}\t{user.device}\tsince {since}")


def _open(launcher: Launcher, options: argparse.Namespace) -> None:
    print(launcher.open_project(options.project, options.kind))


def _close(launcher: Launcher, options: argparse.Namespace) -> None:
    print(launcher.close_project(options.project, save=options.save, force=options.force))


def _progress(launcher: Launcher, options: argparse.Namespace) -> None:
    print(launcher.execution_progress(options.project))


_commands = {"status": _status, "who": _who, "open": _open, "close": _close, "progress": _progress}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m seatkeeper",
        description="Looks at a project licence, and opens and closes its projects. Takes no token. "
        "The API key comes from SEATKEEPER_API_KEY alone: command lines are seen by others.",
    )
    parser.add_argument("--url", help="the server (SEATKEEPER_URL)")
    parser.add_argument("--isv", help="the vendor's id (SEATKEEPER_ISV)")
    parser.add_argument("--license", help="the project licence's id (SEATKEEPER_LICENSE)")
    parser.add_argument("--user", help="on whose behalf (SEATKEEPER_USER)")
    parser.add_argument("--admin", action="store_true", help="the key is an AdminKey")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="tokens of each kind, and every project")
    commands.add_parser("who", help="who is connected to which project, and since when")
    opening = commands.add_parser("open", help="open a project")
    opening.add_argument("project")
    opening.add_argument("--kind", choices=["mono", "team"], help="required unless the edition has a default")
    closing = commands.add_parser("close", help="close a project")
    closing.add_argument("project")
    closing.add_argument("--save", action="store_true", help="say that it is saved, first")
    closing.add_argument("--force", action="store_true", help="throw its users out and stop its executions")
    commands.add_parser("progress", help="how far a project's execution is").add_argument("project")
    return parser


if __name__ == "__main__":
    sys.exit(main())
