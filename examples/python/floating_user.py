"""
A floating user session: takes a token of a users licence while it works, and gives it back.

    export SEATKEEPER_URL=http://127.0.0.1:7070
    export SEATKEEPER_ISV=2af5fe02-6207-4214-946e-b00ac5309f53
    export SEATKEEPER_API_KEY=demo-quickstart-key
    python floating_user.py 7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a11 anna@factor.com
"""

from __future__ import annotations

import sys

from seatkeeper import Client, LicenseError, NoTokenLeft, ServerUnreachable, SessionLost


def work(step: int) -> None:
    print(f"step {step} is done")


def main(license_id: str, user: str) -> int:
    try:
        # Waits up to ten seconds for a token. In the background the session is extended until the block ends.
        with Client() as client, client.session(license_id, user=user, wait=10) as session:
            print(f"{user} holds a token until {session.valid_until:%H:%M:%S} UTC, unless extended")
            for step in range(1, 4):
                session.require()  # costs nothing, and stops the work before somebody else has the token
                work(step)
    except NoTokenLeft as full:
        print(f"all {full.total} tokens are in use; the next may be free at {full.next_free_at}")
        return 1
    except LicenseError as refused:
        print(f"the licence says no: {refused}")
        return 1
    except SessionLost as lost:
        print(f"the work stops: {lost}")
        return 1
    except ServerUnreachable as fault:
        print(f"that says nothing about the licence: {fault}")
        return 3
    print("the token is given back")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
