"""W01 to W24 through the Python client, on the real server. `left` is (mono, team)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seatkeeper import KindLocked, LicenseError, NoTokenLeft, ProjectInUse, ProjectNotOpen
from support import Server
from world import World, w02, w03, w04, w05, w16, w17, w23


@pytest.fixture
def world(server: Server) -> Iterator[World]:
    world = World(server)
    yield world
    world.check()
    world.close()


def test_w01_open_and_executing_projects_cost_nothing(world: World) -> None:
    assert sum(project.is_open for project in world.launcher.projects()) == 8
    assert sum(project.executing for project in world.launcher.projects()) == 2
    assert world.left() == (2, 1)


def test_w02_the_first_user_takes_the_team_token(world: World) -> None:
    w02(world)
    assert world.left() == (2, 0)


def test_w03_further_users_share_it(world: World) -> None:
    w03(world)
    assert len(world.launcher.project("A").users) == 4
    assert world.left() == (2, 0)


def test_w04_a_mono_token(world: World) -> None:
    w04(world)
    assert world.left() == (1, 0)


def test_w05_the_other_mono_token(world: World) -> None:
    w05(world)
    assert world.left() == (0, 0)


def test_w06_one_more_user_of_an_attended_team_project(world: World) -> None:
    w05(world)
    world.connect("u9", "A")
    assert world.left() == (0, 0)


@pytest.mark.parametrize(("project", "user"), [("B", "u5"), ("C", "u6")])
def test_w07_w08_an_occupied_mono_project(world: World, project: str, user: str) -> None:
    w05(world)
    error = world.refusal("u9", project)
    assert isinstance(error, ProjectInUse)
    assert [holder.user for holder in error.holders] == [user]
    assert (error.code, error.kind, error.total, error.left) == ("project_in_use", "mono", 2, 0)
    assert user in str(error)


@pytest.mark.parametrize(("project", "kind"), [("D", "mono"), ("D'", "team")])
def test_w09_w10_no_token_left_of_that_kind(world: World, project: str, kind: str) -> None:
    w05(world)
    error = world.refusal("u9", project)
    assert isinstance(error, NoTokenLeft)
    assert (error.code, error.kind, error.left) == ("tokens_exhausted", kind, 0)


def test_w11_the_refusal_carries_the_progress(world: World) -> None:
    w05(world)
    error = world.refusal("u9", "X1")
    assert isinstance(error, NoTokenLeft)
    progress = error.execution_progress
    assert progress is not None
    assert (progress.state, progress.units_done, progress.units_total) == ("running", 40, 100)
    assert progress == world.launcher.execution_progress("X1")


def test_w12_users_and_projects_are_unlimited(world: World) -> None:
    w05(world)
    for number in range(20):
        world.as_user(f"new-{number}").create_project(f"new-{number}")
    assert world.left() == (0, 0)


def test_w13_opening_needs_no_token(world: World) -> None:
    w05(world)
    assert world.launcher.open_project("F1", is_mono=True).kind == "mono"
    assert world.launcher.open_project("F2", is_mono=False).kind == "team"
    assert world.left() == (0, 0)


def test_w14_a_closed_project_is_no_licence_matter(world: World) -> None:
    w05(world)
    error = world.refusal("u9", "F3")
    assert isinstance(error, ProjectNotOpen)
    assert not isinstance(error, LicenseError)
    assert world.left() == (0, 0)


def test_w15_executions_end_without_a_token(world: World) -> None:
    w05(world)
    for name in ("X1", "X2"):
        world.executions[name].finish()
        assert world.launcher.wait_execution(name, timeout_seconds=5).state == "finished"
        assert world.launcher.project(name).is_open
    assert world.left() == (0, 0)


def test_w16_the_token_stays_while_one_user_stays(world: World) -> None:
    w16(world)
    assert [user.user for user in world.launcher.project("A").users] == ["u1"]
    assert world.left() == (0, 0)


def test_w17_the_last_user_gives_it_back(world: World) -> None:
    w17(world)
    assert world.launcher.project("A").is_open
    assert world.left() == (0, 1)


def test_w18_a_free_team_token_is_no_mono_token(world: World) -> None:
    w17(world)
    assert isinstance(world.refusal("u9", "D"), NoTokenLeft)
    assert world.left() == (0, 1)


def test_w19_but_a_team_project_takes_it(world: World) -> None:
    w17(world)
    world.connect("u9", "D'")
    assert world.left() == (0, 0)


def test_w20_a_freed_mono_token_is_for_whoever_asks_first(world: World) -> None:
    w05(world)
    world.leave("u5")
    world.connect("u9", "D")
    assert world.left() == (0, 0)


def test_w21_leaving_does_not_end_an_execution(world: World) -> None:
    w05(world)
    world.connected["u5"].start_execution("analysis")
    world.leave("u5")
    assert world.launcher.project("B").executing
    assert world.left() == (1, 0)
    world.launcher.close_project("B", force=True)
    assert world.launcher.execution_progress("B").state == "stopped"


def test_w22_the_kind_of_an_open_project_is_locked(world: World) -> None:
    w05(world)
    with pytest.raises(KindLocked):
        world.launcher.change_kind("B", "team")
    with pytest.raises(KindLocked):
        world.launcher.open_project("B", "team")
    assert world.left() == (0, 0)


def test_w23_reopened_with_the_other_kind(world: World) -> None:
    assert isinstance(w23(world), NoTokenLeft)
    assert world.left() == (1, 0)


def test_w24_and_shared_when_its_token_is_free(world: World) -> None:
    w23(world)
    world.leave("u1", "u2", "u3", "u4")
    for user in ("u5", "u7", "u8"):
        world.connect(user, "B")
    assert world.left() == (1, 0)
