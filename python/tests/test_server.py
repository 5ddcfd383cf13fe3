"""Floating licences on the real server."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from seatkeeper import (
    AsyncClient,
    BadSignature,
    CheckoutRefused,
    Client,
    ClientNotActivated,
    LicenseUnknown,
    NotAuthorized,
    NotConfigured,
    NoTokenLeft,
    ServerUnreachable,
    SessionLost,
)
from support import (
    Server,
    admin_key,
    backend_key,
    crash,
    devices_license,
    environment,
    isv,
    product,
    signed_key,
    users_license,
)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as client:
        yield client


def test_two_users_for_two_tokens_and_the_third_is_refused(server: Server, client: Client) -> None:
    with client.session(users_license, user="anna"), client.session(users_license, user="ben"):
        with pytest.raises(NoTokenLeft) as caught:
            client.session(users_license, user="cem")
        assert (caught.value.total, caught.value.left) == (2, 0)
        assert caught.value.next_free_at is not None
        assert {line["user_id"] for line in server.sessions(users_license)} == {"anna", "ben"}
        assert client.tokens(users_license)["floating"].left == 0
    assert server.sessions(users_license) == []


def test_the_environment_names_the_server(server: Server) -> None:
    with pytest.raises(NotConfigured, match="SEATKEEPER_URL"):
        Client()
    known = {"SEATKEEPER_URL": server.url, "SEATKEEPER_ISV": isv, "SEATKEEPER_API_KEY": backend_key}
    with environment(**known), Client() as client, client.session(users_license, user="anna") as session:
        session.require()


def test_a_device_is_activated_on_the_way(server: Server, client: Client) -> None:
    with pytest.raises(ClientNotActivated, match="activated"):
        client.session(devices_license, device="pc-1")
    with client.session(devices_license, device="pc-1", product=product) as session:
        assert session.device == "pc-1"
    with client.session(devices_license, device="pc-1"):
        pass


def test_waiting_is_rewarded_when_somebody_leaves(server: Server, client: Client) -> None:
    async def both() -> None:
        async with AsyncClient(server.url, isv, backend_key) as other:
            one = await other.session(users_license, user="anna")
            two = await other.session(users_license, user="ben")

            async def third() -> str | None:
                async with other.session(users_license, user="cem", wait=10) as session:
                    return session.user

            waiting = asyncio.create_task(third())
            await one.close()
            assert await waiting == "cem"
            await two.close()

    asyncio.run(both())


def test_who_has_waited_longest_is_served_first(server: Server, client: Client) -> None:
    async def all_of_them() -> None:
        async with AsyncClient(server.url, isv, backend_key) as other:
            one = await other.session(users_license, user="anna")
            two = await other.session(users_license, user="ben")
            served: list[str] = []

            async def served_in_turn(user: str) -> None:
                async with other.session(users_license, user=user, wait=30):
                    served.append(user)

            waiting: list[asyncio.Task[None]] = []
            for user in ("cem", "dora"):
                waiting.append(asyncio.create_task(served_in_turn(user)))
                while len(server.queue(users_license)) < len(waiting):
                    await asyncio.sleep(0.01)
            await one.close()
            with pytest.raises(NoTokenLeft) as late:
                await other.session(users_license, user="eva")
            assert late.value.queue_position is None
            await asyncio.gather(*waiting)
            assert served == ["cem", "dora"]
            await two.close()

    asyncio.run(all_of_them())


def test_an_administrator_ends_a_session(server: Server, client: Client) -> None:
    with client.session(users_license, user="anna") as session:
        server.admin("POST", f"/licenses/{users_license}/opensessions/close")
        session._lease._next_at = 0
        session._lease.renew_if_due()
        with pytest.raises(SessionLost, match="administrator"):
            session.require()
    # The next one has a new id, and gets in at once.
    client.session(users_license, user="anna").close()


def test_a_crashed_program_resumes_its_own_session(server: Server, client: Client) -> None:
    crashed = client.session(users_license, user="anna")
    with client.session(users_license, user="ben"):
        crash(crashed)
        with client.session(users_license, user="anna") as session:
            assert session.session_id == crashed.session_id
            assert len(server.sessions(users_license)) == 2


def test_a_crash_after_an_administrators_end_gets_a_new_id(server: Server, client: Client) -> None:
    crashed = client.session(users_license, user="anna")
    server.admin("POST", f"/licenses/{users_license}/opensessions/close")
    crash(crashed)
    with client.session(users_license, user="anna") as session:
        assert session.session_id != crashed.session_id


def test_a_checkout_outlasts_the_session_period(server: Server, client: Client) -> None:
    with client.session(users_license, user="anna", checkout=timedelta(days=2)) as session:
        server.advance(3600)
        assert len(server.sessions(users_license)) == 1
        assert session.trusted_seconds > 100_000
    with pytest.raises(CheckoutRefused):
        client.session(users_license, user="anna", checkout=timedelta(days=100))


def test_refusals_and_faults(server: Server) -> None:
    with server.client(api_key="no-such-key-12") as client, pytest.raises(NotAuthorized):
        client.session(users_license, user="anna")
    with server.client() as client, pytest.raises(LicenseUnknown):
        client.session(product, user="anna")
    with server.client(api_key=admin_key, admin=True) as client:
        client.session(users_license, user="anna").close()


def test_nobody_listens() -> None:
    with pytest.raises(ServerUnreachable, match="Cannot reach"):
        Client("http://127.0.0.1:9", isv, backend_key).session(users_license, user="anna")


def test_signatures_are_verified(server: Server) -> None:
    pem = httpx.get(f"{server.url}/api/v2/isv/{isv}/signing-key.pem").text
    with server.client(api_key=signed_key, public_key=pem) as client:
        with client.session(users_license, user="anna") as session:
            session._lease._next_at = 0
            session._lease.renew_if_due()
            assert session._lease._fault is None
        with pytest.raises(LicenseUnknown):
            client.session(product, user="anna")
    with server.client(public_key=pem) as client, pytest.raises(BadSignature, match="not signed"):
        client.session(users_license, user="anna")


def test_another_key_is_not_the_servers(server: Server) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    other = rsa.generate_private_key(65537, 2048).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with server.client(api_key=signed_key, public_key=pem) as client, pytest.raises(BadSignature, match="not with"):
        client.session(users_license, user="anna")
    httpx.post(
        f"{server.url}/api/v2/isv/{isv}/licenses/{users_license}/opensessions/close", headers={"AdminKey": admin_key}
    )


def test_asynchronous_of_the_same_shape(server: Server) -> None:
    async def program() -> None:
        async with AsyncClient(server.url, isv, backend_key) as client:
            async with client.session(users_license, user="anna") as session:
                session.require()
                assert (await client.tokens(users_license))["floating"].used == 1
                async with client.session(users_license, user="ben"):
                    with pytest.raises(NoTokenLeft):
                        await client.session(users_license, user="cem")
            assert (await client.tokens(users_license))["floating"].used == 0
            lost: list[SessionLost] = []
            happened = asyncio.Event()

            def on_lost(error: SessionLost) -> None:
                lost.append(error)
                happened.set()

            session = await client.session(users_license, user="anna", on_lost=on_lost)
            await asyncio.to_thread(server.admin, "POST", f"/licenses/{users_license}/opensessions/close")
            session._lease._next_at = 0
            await asyncio.to_thread(session._lease.renew_if_due)
            await asyncio.wait_for(happened.wait(), 5)
            assert lost[0].reason == "ended_by_admin"
            await session.close()

    asyncio.run(program())


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_asynchronous_client_serves_one_event_loop_after_the_other(server: Server) -> None:
    client = AsyncClient(server.url, isv, backend_key)

    async def used() -> int:
        async with client.session(users_license, user="anna"):
            return (await client.tokens(users_license))["floating"].used

    assert [asyncio.run(used()) for _ in range(3)] == [1, 1, 1]
    assert len(client._channel._http._by_loop) == 1, "what is left of loops that are closed is not kept"
    asyncio.run(client.close())
    gc.collect()  # the connections of loops that are closed end here, with a warning of Python's


def test_a_cancelled_open_is_undone(server: Server) -> None:
    async def program() -> None:
        async with AsyncClient(server.url, isv, backend_key) as client:
            async with client.session(users_license, user="anna"), client.session(users_license, user="ben"):

                async def third() -> None:
                    await client.session(users_license, user="cem", wait=60)

                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(third(), 0.3)
            assert (await client.tokens(users_license))["floating"].used == 0
            # The place in the queue outlasts the wait by some seconds, in which the token is for nobody else.
            async with client.session(users_license, user="cem"):
                assert server.queue(users_license) == []

    asyncio.run(program())


def test_a_wait_that_is_cancelled_gives_its_place_up(server: Server) -> None:
    async def program() -> None:
        client = AsyncClient(server.url, isv, backend_key)
        async with client, client.session(users_license, user="anna"), client.session(users_license, user="ben"):
            waiting = asyncio.create_task(third(client))
            while not server.queue(users_license):
                await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert server.queue(users_license) == []

    async def third(client: AsyncClient) -> None:
        await client.session(users_license, user="cem", wait=60)

    asyncio.run(program())
