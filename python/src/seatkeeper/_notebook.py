"""For notebooks: `%load_ext seatkeeper`, then `%licenses` and `%release_licenses`."""

from __future__ import annotations

from typing import Any

from ._process import held, release_all


def load_ipython_extension(shell: Any) -> None:
    def licenses(line: str) -> None:
        """What this notebook holds."""
        print("\n".join(str(note) for note in held()) or "nothing is held")

    def release_licenses(line: str) -> None:
        """Gives back everything that this notebook holds."""
        print(f"{release_all()} released")

    shell.register_magic_function(licenses, "line", "licenses")
    shell.register_magic_function(release_licenses, "line", "release_licenses")
