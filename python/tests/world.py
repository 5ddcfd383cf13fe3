"""The worked example's site: Team 1, Mono 2, its projects and its users, through the Python client."""

from __future__ import annotations

from seatkeeper import Execution, Launcher, Project, SeatkeeperError
from support import Server

kinds = {"X1": "team", "X2": "mono", "A": "team", "B": "mono", "C": "mono", "D": "mono", "D'": "team", "E": "mono"}
closed_projects = [f"F{number}" for number in range(1, 11)]


class World:
    """Nobody is connected; X1 and X2 execute; A to E are open; F1 to F10 are closed."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._users: dict[str, Launcher] = {}
        self.connected: dict[str, Project] = {}
        self.executions: dict[str, Execution] = {}
        self.launcher = self.as_user("operator")
        self._clear()
        for name in [*kinds, *closed_projects]:
            self.launcher.create_project(name)
        for name, kind in kinds.items():
            self.launcher.open_project(name, kind)
        for name in ("X1", "X2"):
            self.execute(name)

    def execute(self, project: str) -> None:
        """Starts an execution as a user would: connects, starts, leaves."""
        with self.launcher.connect(project) as connection:
            self.executions[project] = connection.start_execution("analysis", units_total=100)
            self.executions[project].report(units_done=40)

    def _clear(self) -> None:
        for project in self.launcher.projects():
            self.launcher.delete_project(project, force=True)

    def as_user(self, user: str) -> Launcher:
        if user not in self._users:
            self._users[user] = self._server.launcher(user)
        return self._users[user]

    def connect(self, user: str, project: str) -> Project:
        self.connected[user] = self.as_user(user).connect(project)
        return self.connected[user]

    def leave(self, *users: str) -> None:
        for user in users:
            assert self.connected.pop(user).disconnect()

    def refusal(self, user: str, project: str) -> SeatkeeperError:
        """The error of a connect that must be refused, and must have changed nothing (INV6)."""
        before = (self.left(), self.launcher.projects())
        try:
            self.as_user(user).connect(project)
        except SeatkeeperError as error:
            self.check()
            assert (self.left(), self.launcher.projects()) == before
            return error
        raise AssertionError(f"{user} got into {project}")

    def left(self) -> tuple[int, int]:
        info = self.launcher.licenses()
        return info.mono_left, info.team_left

    def check(self) -> None:
        """INV1 to INV5 and INV7, from what the server tells."""
        info, projects = self.launcher.licenses(), self.launcher.projects()
        for kind, total in (("mono", 2), ("team", 1)):
            attended = [project for project in projects if project.kind == kind and project.is_attended]
            assert info[kind].total == total
            assert info[kind].used == len(attended) <= total
            assert info[kind].left == total - info[kind].used
        for project in projects:
            assert project.kind != "mono" or len(project.users) <= 1
            assert project.is_open or not (project.users or project.executing)

    def close(self) -> None:
        self.leave(*self.connected)
        self._clear()
        for launcher in self._users.values():
            launcher.close()


def w02(world: World) -> None:
    world.connect("u1", "A")


def w03(world: World) -> None:
    w02(world)
    for user in ("u2", "u3", "u4"):
        world.connect(user, "A")


def w04(world: World) -> None:
    w03(world)
    world.connect("u5", "B")


def w05(world: World) -> None:
    w04(world)
    world.connect("u6", "C")


def w16(world: World) -> None:
    w05(world)
    world.leave("u2", "u3", "u4")


def w17(world: World) -> None:
    w16(world)
    world.leave("u1")


def w23(world: World) -> SeatkeeperError:
    w05(world)
    world.launcher.save_project("B")
    world.leave("u5")
    world.launcher.close_project("B")
    world.launcher.open_project("B", "team")
    return world.refusal("u5", "B")
