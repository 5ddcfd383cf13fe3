"""The public surface: what is exported, the tree of errors, the guide's snippets, sizes of files."""

from __future__ import annotations

import inspect
import os
import pickle
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import seatkeeper
from seatkeeper import _errors
from support import Server, backend_key, environment, isv, projects_license, root, users_license

source = Path(seatkeeper.__file__).parent
guide = (root / "docs" / "guide" / "python.md").read_text()


def test_all_that_is_exported_is_listed_and_there() -> None:
    names = {name for name in vars(seatkeeper) if not name.startswith("_")}
    names -= {name for name in names if inspect.ismodule(getattr(seatkeeper, name))}
    assert names == set(seatkeeper.__all__)
    assert sorted(seatkeeper.__all__) == sorted(set(seatkeeper.__all__))


def _tree(kind: type, depth: int = 0) -> list[tuple[int, str]]:
    children = [child for child in vars(_errors).values() if inspect.isclass(child) and kind in child.__bases__]
    return [(depth, kind.__name__), *(line for child in children for line in _tree(child, depth + 1))]


def _drawn(text: str) -> list[tuple[int, str]]:
    lines = re.findall(r"^ *((?:│   )?)([├└]── )?([A-Z][A-Za-z]+)(?: {2}.*)?$", text, re.MULTILINE)
    return [(0 if not branch else 2 if bar else 1, name) for bar, branch, name in lines]


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    tree = sorted(_tree(seatkeeper.SeatkeeperError))
    assert sorted(_drawn(_errors.__doc__ or "")) == tree
    section = guide.split("## Errors")[1].split("```")[1]
    assert sorted(_drawn(section)) == tree
    assert {name for _, name in tree} <= set(seatkeeper.__all__)


def test_errors_survive_a_process_boundary() -> None:
    denial = seatkeeper.Denial(id=1007, code="tokens_exhausted", limit=3, in_use=3)
    for error in (
        seatkeeper.NoTokenLeft("full", denial),
        seatkeeper.SessionLost("gone", "forked"),
        seatkeeper.ProjectNotOpen("closed", "project_not_open", 13002),
        seatkeeper.ExecutionTimeout("it still runs"),
        seatkeeper.ServerUnreachable("away", 3.0),
        seatkeeper.Redirected("elsewhere", "http://portal.test/"),
        seatkeeper.RequestRefused("no", 400, "input_invalid"),
        seatkeeper.NotAuthorized("no", 401, "key_unknown"),
    ):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_files_stay_small_and_private() -> None:
    for path in source.glob("*.py"):
        assert path.name.startswith("_")
        assert len(path.read_text().splitlines()) < 350, path


def _known(server: Server) -> dict[str, str]:
    return {
        "SEATKEEPER_URL": server.url,
        "SEATKEEPER_ISV": isv,
        "SEATKEEPER_API_KEY": backend_key,
        "SEATKEEPER_LICENSE": projects_license,
        "SEATKEEPER_USER": "anna",
    }


def test_the_guides_snippets_are_true(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    names = {"license_id": users_license}
    with environment(**_known(server)):
        for snippet in re.findall(r"```python\n(.*?)```", guide, re.DOTALL):
            exec(compile(snippet, "docs/guide/python.md", "exec"), names)
            output = capsys.readouterr().out
            for said in re.findall(r"print\(.*\) *# (mono.*|running.*)$", snippet, re.MULTILINE):
                assert said in output
        assert seatkeeper.held() == []
        launcher = names["launcher"]
        assert isinstance(launcher, seatkeeper.Launcher)
        launcher.close_project("firmware")
        for line in re.findall(r"^python (-m seatkeeper .*)$", guide, re.MULTILINE):
            arguments = line.split("#")[0].split()
            ended = subprocess.run([sys.executable, *arguments], env=dict(os.environ), capture_output=True, text=True)
            assert (ended.returncode, ended.stderr) == (0, ""), line
        command = f"{shlex.quote(sys.executable)} -m seatkeeper status"
        piped = ["bash", "--norc", "-o", "pipefail", "-c", f"{command} | true"]
        ended = subprocess.run(piped, env=dict(os.environ), capture_output=True, text=True)
        assert (ended.returncode, ended.stderr) == (0, ""), "whoever reads has read enough"
        launcher.delete_project("firmware")
        for leftover in list(names.values()):
            if isinstance(leftover, (seatkeeper.Client, seatkeeper.Launcher)):
                leftover.close()
