"""Protocols and the modules that speak them; the only table of their names outside ``asyncapi`` (M18)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import TypeAlias

from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.brokers.connection import Connecting, Connection, Speech

Connect: TypeAlias = Callable[[Connecting], Awaitable[Connection]]


_MQTT = ("mqtts", "mqtt")
_AMQP = ("amqps", "amqp")
_KAFKA = ("kafka-secure", "kafka")
_NATS = ("tls", "nats")
_REDIS = ("rediss", "redis")
_WEBSOCKET = ("wss", "ws")

SPEECHES: Mapping[str, Speech] = {
    "mqtt": Speech("mqtt", "aiomqtt", 1883, _MQTT, ("mqtt",)),
    "mqtts": Speech("mqtt", "aiomqtt", 8883, _MQTT, ("mqtt",)),
    "secure-mqtt": Speech("mqtt", "aiomqtt", 8883, _MQTT, ("mqtt",)),
    "mqtt5": Speech("mqtt", "aiomqtt", 1883, _MQTT, ("mqtt",)),
    "nats": Speech("nats", "nats", 4222, _NATS),
    "natss": Speech("nats", "nats", 4222, _NATS),
    "tls": Speech("nats", "nats", 4222, _NATS),
    "amqp": Speech("amqp", "aio_pika", 5672, _AMQP, ("aiormq",)),
    "amqps": Speech("amqp", "aio_pika", 5671, _AMQP, ("aiormq",)),
    "kafka": Speech("kafka", "aiokafka", 9092, _KAFKA),
    "kafka-secure": Speech("kafka", "aiokafka", 9093, _KAFKA),
    "redis": Speech("redis", "redis", 6379, _REDIS),
    "rediss": Speech("redis", "redis", 6379, _REDIS),
    "ws": Speech("websocket", "websockets", 80, _WEBSOCKET),
    "wss": Speech("websocket", "websockets", 443, _WEBSOCKET),
}


def speech_of(protocol: str) -> Speech:
    """Return the module, library and port of a protocol.

    Raises:
        UsageError: nobody here speaks it.
    """
    try:
        return SPEECHES[protocol.lower()]
    except KeyError:
        spoken = ", ".join(sorted(SPEECHES))
        raise UsageError(f"the protocol {protocol!r} is not supported", hint=f"supported are {spoken}") from None


def connector(protocol: str) -> Connect:
    """The function that connects with a protocol.

    Raises:
        UsageError: it is not supported, or its library is not installed.
    """
    speech = speech_of(protocol)
    try:
        import_module(speech.library)
        # What goes wrong is said by us; without a handler, Python prints what libraries log of it.
        for name in (speech.library, *speech.loggers):
            logging.getLogger(name).addHandler(logging.NullHandler())
    except ImportError:
        raise UsageError(
            f"messages over {protocol} need an extra that is not installed",
            hint="pip install 'arazzo-workflow-runner[messages]'",
        ) from None
    connect: Connect = import_module(f"arazzo_runner.runtime.brokers.{speech.module}").connect
    return connect
