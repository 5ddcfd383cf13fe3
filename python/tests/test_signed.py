"""A client that holds the key set, a real server, and somebody between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from seatkeeper import (
    AsyncClient,
    BadSignature,
    Client,
    LicenseUnknown,
    NotAuthorized,
    NoTokenLeft,
    ProjectUnknown,
    Redirected,
)
from seatkeeper._key_set import KeySet
from support import Server, backend_key, isv, users_license

Between = Callable[[httpx.Response, str], httpx.Response]


def passed(response: httpx.Response, **changed: object) -> httpx.Response:
    """The answer as it is handed on, but for what is changed."""
    headers = [(name, value) for name, value in response.headers.items() if name != "transfer-encoding"]
    known = {"status_code": response.status_code, "headers": headers, "content": response.content, **changed}
    return httpx.Response(**known)  # type: ignore[arg-type]


class Middle(httpx.BaseTransport):
    """The network, and whoever sits in it."""

    def __init__(self) -> None:
        self._network = httpx.HTTPTransport()
        self.between: Between = lambda response, call: response

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._network.handle_request(request)
        response.read()
        return self.between(response, request.url.path.rsplit("/", 1)[-1])

    def close(self) -> None:
        self._network.close()


@pytest.fixture
def middle() -> Middle:
    return Middle()


@pytest.fixture
def client(server: Server, middle: Middle) -> Iterator[Client]:
    with server.client(key_set=server.key_set(), transport=middle) as client:
        yield client


def test_everything_that_is_answered_is_verified(server: Server, client: Client) -> None:
    with client.session(users_license, user="anna") as session:
        session.require()
        assert client.tokens(users_license)["floating"].used == 1
        with client.session(users_license, user="ben"), pytest.raises(NoTokenLeft):
            client.session(users_license, user="cem")
    with pytest.raises(LicenseUnknown):
        client.session("5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c99", user="anna")
    with server.launcher("anna", key_set=server.key_set()) as launcher:
        project = launcher.create_project("signed")
        assert [info.name for info in launcher.projects()] == ["signed"]
        with pytest.raises(ProjectUnknown):
            launcher.project(users_license)
        launcher.delete_project(project)


def test_the_set_may_be_a_text_or_a_file(server: Server, tmp_path: Path) -> None:
    text = json.dumps(server.key_set())
    (tmp_path / "keys.json").write_text(text)
    for key_set in (text, tmp_path / "keys.json"):
        with server.client(key_set=key_set) as client, client.session(users_license, user="anna") as session:
            session.require()


def test_for_asyncio_alike(server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(server.url, isv, backend_key, key_set=server.key_set()) as client:
            async with client.session(users_license, user="anna") as session:
                session.require()
            assert (await client.tokens(users_license))["floating"].used == 0

    asyncio.run(main())


def test_other_keys_and_no_keys(server: Server) -> None:
    other = {"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    with server.client(key_set={"keys": [other]}) as client, pytest.raises(BadSignature, match="not by the server"):
        client.session(users_license, user="anna")
    assert server.sessions(users_license) == []
    sets: list[KeySet] = [{"keys": []}, '{"keys": [{"kty": "RSA", "kid": "x"}]}']
    for unusable in sets:
        with pytest.raises(ValueError, match="no Ed25519 key"):
            server.client(key_set=unusable)


def test_a_redirect_says_as_little_and_is_not_called_forged(client: Client, middle: Middle) -> None:
    middle.between = lambda response, call: httpx.Response(302, headers={"Location": "http://portal.test/"})
    with pytest.raises(Redirected):
        client.tokens(users_license)


def test_a_refusal_from_before_the_server_knows_who_asks_may_be_unsigned(server: Server) -> None:
    wrong = server.client(api_key="no-such-key-1", key_set=server.key_set())
    with wrong as client, pytest.raises(NotAuthorized):
        client.session(users_license, user="anna")


def replayed(first: httpx.Response, _next: httpx.Response) -> httpx.Response:
    return passed(first)


def spliced(first: httpx.Response, following: httpx.Response) -> httpx.Response:
    return passed(following, content=first.content)


def spliced_with_its_digest(first: httpx.Response, following: httpx.Response) -> httpx.Response:
    headers = httpx.Headers(following.headers)
    headers["content-digest"] = first.headers["content-digest"]
    return passed(following, content=first.content, headers=headers)


@pytest.mark.parametrize("make", [replayed, spliced, spliced_with_its_digest])
def test_an_old_grant_is_refused_and_what_was_opened_is_given_back(
    server: Server, client: Client, middle: Middle, make: Callable[[httpx.Response, httpx.Response], httpx.Response]
) -> None:
    grants: list[httpx.Response] = []

    def after_the_first(response: httpx.Response, call: str) -> httpx.Response:
        if call != "open":
            return response
        grants.append(response)
        return response if len(grants) == 1 else make(grants[0], response)

    middle.between = after_the_first
    with client.session(users_license, user="anna"):
        with pytest.raises(BadSignature):
            client.session(users_license, user="ben")
        assert [line["user_id"] for line in server.sessions(users_license)] == ["anna"]


def test_a_denial_becomes_no_grant_and_a_grant_no_denial(client: Client, middle: Middle) -> None:
    with client.session(users_license, user="anna"), client.session(users_license, user="ben"):
        middle.between = lambda response, call: passed(
            response, status_code=200 if response.status_code == 409 else 409
        )
        for user in ("cem", "anna"):
            with pytest.raises(BadSignature):
                client.session(users_license, user=user)
        middle.between = lambda response, call: response


@pytest.mark.parametrize("name", ["signature", "signature-input"])
def test_stripped_signatures_are_refused_on_every_status(server: Server, middle: Middle, name: str) -> None:
    def strip(response: httpx.Response, call: str) -> httpx.Response:
        headers = httpx.Headers(response.headers)
        headers.pop(name, None)
        return passed(response, headers=headers)

    with server.launcher("anna", key_set=server.key_set(), transport=middle) as launcher:
        project = launcher.create_project(f"kept from {name}")
        middle.between = strip
        for call in (
            lambda: launcher.create_project("another"),
            lambda: launcher.project(users_license),
            lambda: launcher.delete_project(project),
            launcher.licenses,
        ):
            with pytest.raises(BadSignature):
                call()


def test_a_signature_of_less_is_refused(client: Client, middle: Middle) -> None:
    def less(response: httpx.Response, call: str) -> httpx.Response:
        headers = httpx.Headers(response.headers)
        headers["signature-input"] = headers["signature-input"].replace(' "content-digest";req', "")
        return passed(response, headers=headers)

    middle.between = less
    with pytest.raises(BadSignature):
        client.session(users_license, user="anna")
    middle.between = lambda response, call: response
