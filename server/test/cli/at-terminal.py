"""Runs a command at a terminal of its own and types: at-terminal.py COMMAND [WAIT-FOR TYPE]…; prints what was shown."""

import os
import pty
import select
import sys

command, *steps = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execvp("sh", ["sh", "-c", f"exec {command}"])

shown = b""


def read() -> bool:
    """False: the terminal is closed."""
    global shown
    if not select.select([terminal], [], [], 20)[0]:
        sys.exit(f"nothing is shown for 20 seconds, after: {shown!r}")
    try:
        chunk = os.read(terminal, 4096)
    except OSError:
        return False
    shown += chunk
    return chunk != b""


for wanted, typed in zip(steps[::2], steps[1::2]):
    seen = len(shown)
    while wanted.encode() not in shown[seen:]:
        if not read():
            sys.exit(f"it ended before {wanted!r}: {shown!r}")
    os.write(terminal, typed.encode())
while read():
    pass
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
