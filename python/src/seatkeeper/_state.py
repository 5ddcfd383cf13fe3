"""
Session ids on disk, so that a program that crashed resumes its own session instead of being denied by it.

One small file per server, licence, holder and project. Whoever has a session holds a lock on its file: two programs
that run at the same time never share an id, the second takes the next file. The lock is the system's and goes with the
process, however that ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

slots_max = 256
"""Programs of one holder on one machine at a time; more go without a file."""


def slot_key(*parts: str | None) -> str:
    """A file name for a server, licence, holder and project. A hash: names may hold what file systems refuse."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


class Slot:
    """A session id that this process alone uses, kept on disk until the session is closed."""

    def __init__(self, path: Path | None, fd: int | None, session_id: str, is_resumed: bool) -> None:
        self._path = path
        self._fd = fd
        self.session_id = session_id
        self.is_resumed = is_resumed
        """Whether an earlier program left the id behind."""

    def renew(self) -> str:
        """A new id in place of one that is of no use."""
        self.session_id, self.is_resumed = str(uuid.uuid4()), False
        self._write()
        return self.session_id

    def clear(self) -> None:
        """The session is closed: the id is never used again."""
        if self._fd is None or self._path is None:
            return
        os.ftruncate(self._fd, 0)
        if sys.platform != "win32":  # there, no open file can be removed; an empty one does no harm
            self._path.unlink(missing_ok=True)
        self.drop()

    def end(self, is_closed: bool) -> None:
        """`clear` or `drop`. A disk that fails keeps no session from its end, and its file is another start's."""
        try:
            if is_closed:
                self.clear()
        except OSError:
            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """Gives the file up and leaves the id in it, for whoever resumes. In a forked child: lets go of it, no more."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _write(self) -> None:
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, json.dumps({"session_id": self.session_id}).encode())


def take_slot(folder: Path | None, key: str) -> Slot:
    """The id that a crashed program left behind, else a new one. Without a folder to write to, a new one in memory."""
    fresh = str(uuid.uuid4())
    if folder is None:
        return Slot(None, None, fresh, False)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in _candidates(folder, key):
            fd = _lock(path)
            if fd is None:
                continue
            try:
                left = _read(fd)
                slot = Slot(path, fd, left or fresh, left is not None)
                if left is None:
                    slot._write()
            except BaseException:
                os.close(fd)  # else the file stays locked for as long as this program runs
                raise
            return slot
    except OSError:
        pass  # a read-only home must keep nobody from working; the session only is not resumed
    return Slot(None, None, fresh, False)


def _candidates(folder: Path, key: str) -> Iterator[Path]:
    """Files that exist first: an id left behind goes before a new one."""
    paths = [folder / f"{key}.{number}.json" for number in range(slots_max)]
    there = [path for path in paths if path.exists()]
    yield from there
    yield from (path for path in paths if path not in there)


def _lock(path: Path) -> int | None:
    """The file, locked and still in its place; null where somebody else has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _try_lock(fd):
            os.close(fd)
            return None
        # Whoever had it may have removed it between our open and our lock: then this is a file that nobody sees.
        if os.fstat(fd).st_ino != path.stat().st_ino:
            os.close(fd)
            return None
    except FileNotFoundError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> bool:
        # Far behind the text, so that the file stays readable.
        os.lseek(fd, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _read(fd: int) -> str | None:
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        return str(uuid.UUID(json.loads(os.read(fd, 4096))["session_id"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
