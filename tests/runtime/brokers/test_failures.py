"""Brokers that are killed, want credentials, or show a certificate that is not known (H6, M18)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import trustme

from arazzo_runner.effects import (
    Access,
    Broker,
    ChannelSettings,
    Failed,
    Match,
    Message,
    Publish,
    Receive,
    Received,
    Subscribe,
    Subscribed,
)
from arazzo_runner.runtime.brokers.mailroom import open_mailroom
from arazzo_runner.runtime.http.options import TransportOptions
from tests.runtime.brokers.conftest import EACH, leaves_sockets
from tests.servers.brokers import PASSWORD, USER, BrokerServer, Mosquitto, Nats, needs, running
from tests.support.messages import PATIENCE, a_topic, broker_of, party, settings_of

pytestmark = [pytest.mark.slow, pytest.mark.anyio, leaves_sockets]


@pytest.mark.parametrize("kind", EACH)
async def test_a_broker_that_is_killed_and_started_again_while_a_run_waits(
    kind: type[BrokerServer], tmp_path: Path
) -> None:
    topic = a_topic()
    with running(kind, tmp_path) as server:
        async with party(server) as run:
            await run.subscribe(topic)
            waiting = asyncio.create_task(run.receive(topic))
            await asyncio.sleep(0)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            async with party(server) as other, asyncio.timeout(PATIENCE):
                while not waiting.done():  # until the run has subscribed anew, nobody hears it
                    await other.mailroom.perform(
                        Publish(other.broker, Message(b"again", (), topic), other.settings, 5.0)
                    )
                    await asyncio.wait((waiting,), timeout=0.1)
            received = await waiting
    assert received.message.payload == b"again"


@pytest.mark.parametrize("kind", [kind for kind in EACH if kind.id not in ("Tansu", "WebSocketHub")])
async def test_an_inbox_is_the_same_over_a_new_connection(kind: type[BrokerServer], tmp_path: Path) -> None:
    """M14: its name was sent with the request, whose reply may come after the broker was away."""
    with running(kind, tmp_path) as server:
        async with party(server) as run:
            inbox = (await run.subscribe("replies", inbox=True)).address
            waiting = asyncio.create_task(run.receive("replies"))
            await asyncio.sleep(0)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            async with party(server, settings=ChannelSettings()) as other, asyncio.timeout(PATIENCE):
                while not waiting.done():
                    await other.mailroom.perform(
                        Publish(other.broker, Message(b"reply", (), inbox), other.settings, 5.0)
                    )
                    await asyncio.wait((waiting,), timeout=0.1)
            assert (await waiting).message.payload == b"reply"


async def test_inboxes_of_two_runs_are_two(tmp_path: Path) -> None:
    with running(Nats, tmp_path) as server:
        async with party(server) as one, party(server) as two:
            addresses = {(await side.subscribe("replies", inbox=True)).address for side in (one, two)}
    assert len(addresses) == 2


@pytest.mark.parametrize("kind", EACH)
async def test_a_broker_that_is_away_is_told(kind: type[BrokerServer], tmp_path: Path) -> None:
    server = kind(tmp_path)
    async with party(server, options=TransportOptions(connect_timeout=5.0)) as run:
        answer = await run.mailroom.perform(Subscribe("key", run.broker, a_topic(), run.settings))
    assert isinstance(answer, Failed)
    assert answer.code == "transport"
    assert f"127.0.0.1 refused the connection on port {server.port}: nothing listens there" in answer.message


@pytest.mark.parametrize("kind", EACH)
async def test_credentials_and_certificates(kind: type[BrokerServer], tmp_path: Path) -> None:
    topic = a_topic()
    with running(kind, tmp_path, secured=True, ca=trustme.CA()) as server:

        async def answer(access: Access | None, options: TransportOptions, url: str = "") -> Failed | Received:
            async with (
                party(server, access=access, options=options, url=url) as run,
                party(server, access=Access(username=USER, password=PASSWORD), options=known) as other,
            ):
                subscribed = await run.mailroom.perform(Subscribe("key", run.broker, topic, run.settings))
                if isinstance(subscribed, Failed):
                    return subscribed
                await other.publish(Message(b"x", (), topic))
                received = await run.mailroom.perform(Receive("key", Match(), PATIENCE))
                assert isinstance(received, Failed | Received)
                return received

        known = TransportOptions(ca_bundle=server.bundle, connect_timeout=10.0)
        right, wrong = Access(username=USER, password=PASSWORD), Access(username=USER, password="not-this-one")
        assert isinstance(await answer(right, known), Received)
        assert isinstance(await answer(right, TransportOptions(insecure=True)), Received)
        refused = await answer(wrong, known)
        assert isinstance(refused, Failed)
        assert "refused the credentials" in refused.message
        assert "not-this-one" not in refused.message
        missing = await answer(None, known)
        assert isinstance(missing, Failed)
        assert "credentials" in missing.message
        unknown = await answer(right, TransportOptions())
        assert isinstance(unknown, Failed)
        assert "TLS certificate of 127.0.0.1" in unknown.message
        assert "--ca-bundle" in unknown.message
        in_url = await answer(None, known, server.url.replace("//", f"//{USER}:{PASSWORD}@"))
        assert isinstance(in_url, Received)


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        pytest.param(Mosquitto, "secure-mqtt", marks=needs(Mosquitto)),
        pytest.param(Nats, "natss", marks=needs(Nats)),
        pytest.param(Nats, "tls", marks=needs(Nats)),
    ],
)
async def test_every_name_of_an_encrypted_protocol_encrypts(
    kind: type[BrokerServer], scheme: str, tmp_path: Path
) -> None:
    with running(kind, tmp_path, ca=trustme.CA()) as server:
        topic = a_topic()
        broker = Broker("events", f"{scheme}://127.0.0.1:{server.port}", scheme, server.version)
        async with open_mailroom(TransportOptions(ca_bundle=server.bundle)) as mailroom:
            assert isinstance(await mailroom.perform(Subscribe("key", broker, topic)), Subscribed)
        async with open_mailroom(TransportOptions(connect_timeout=5.0)) as mailroom:
            unknown = await mailroom.perform(Subscribe("key", broker, topic))
    assert isinstance(unknown, Failed)
    assert "TLS certificate" in unknown.message


@pytest.mark.parametrize("kind", EACH)
async def test_a_broker_without_tls_gets_no_password(kind: type[BrokerServer], tmp_path: Path) -> None:
    with running(kind, tmp_path) as server:
        encrypted = server.url.replace(f"{server.plain}:", f"{server.encrypted}:")
        access = Access(username=USER, password=PASSWORD)
        options = TransportOptions(connect_timeout=2.0)
        async with party(server, access=access, url=encrypted, options=options) as run:
            answer = await run.mailroom.perform(Subscribe("key", run.broker, a_topic(), run.settings))
    assert isinstance(answer, Failed)
    assert answer.code == "transport"
    assert PASSWORD not in answer.message


@pytest.mark.parametrize("kind", EACH)
async def test_a_host_that_is_not_allowed_is_not_reached(kind: type[BrokerServer], tmp_path: Path) -> None:
    server = kind(tmp_path)
    options = TransportOptions(allowed_hosts=frozenset({"elsewhere.example"}))
    async with party(server, options=options) as run:
        answer = await run.mailroom.perform(Publish(broker_of(server), Message(b"", (), "a"), settings_of(server)))
    assert isinstance(answer, Failed)
    assert "--allow-host 127.0.0.1" in answer.message
