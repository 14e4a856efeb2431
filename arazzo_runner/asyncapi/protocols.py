"""The protocols that messages can be exchanged over, as far as a plan has to know them (M12, M18).

Everything else about a protocol is known to the module that speaks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class MessageProtocol(Struct, frozen=True):
    """The capabilities of a protocol.

    Attributes:
        bindings: the keys of Bindings Objects that are its own, later ones on top.
        wildcard: the text that stands for any value of a parameter in an address; None where there is none.
        forbidden: characters that no value of a parameter may have in an address.
        has_headers: whether a message has header fields.
        has_handshake: whether a connection starts with an HTTP request, which has a query and header fields.
        has_topics: whether replies can go to an address that the runner makes (M14).
    """

    bindings: tuple[str, ...]
    wildcard: str | None = None
    forbidden: str = ""
    has_headers: bool = True
    has_handshake: bool = False
    has_topics: bool = True


_MQTT = MessageProtocol(("mqtt", "mqtt5"), wildcard="+", forbidden="+#")
_NATS = MessageProtocol(("nats",), wildcard="*", forbidden="*> ")
_AMQP = MessageProtocol(("amqp",), wildcard="*", forbidden="*#")
_KAFKA = MessageProtocol(("kafka",), has_topics=False)
_REDIS = MessageProtocol(("redis",), wildcard="*", forbidden="*?[]", has_headers=False)
_WEBSOCKET = MessageProtocol(("ws",), forbidden="?# ", has_headers=False, has_handshake=True, has_topics=False)

PROTOCOLS: Mapping[str, MessageProtocol] = {
    "mqtt": _MQTT,
    "mqtts": _MQTT,
    "mqtt5": _MQTT,
    "secure-mqtt": _MQTT,
    "nats": _NATS,
    "natss": _NATS,
    "tls": _NATS,
    "amqp": _AMQP,
    "amqps": _AMQP,
    "kafka": _KAFKA,
    "kafka-secure": _KAFKA,
    "redis": _REDIS,
    "rediss": _REDIS,
    "ws": _WEBSOCKET,
    "wss": _WEBSOCKET,
}
"""By the name that descriptions use, in lower case."""


def protocol_of(name: str, version: str = "") -> MessageProtocol | None:
    """The capabilities of a protocol; None for one that messages cannot be exchanged over.

    Args:
        name: as a description writes it, or the scheme of a URL.
        version: of the protocol, as a description writes it; MQTT has header fields from 5 on.
    """
    found = PROTOCOLS.get(name.lower())
    if found is _MQTT and version.startswith("3"):
        return MessageProtocol(_MQTT.bindings, _MQTT.wildcard, _MQTT.forbidden, has_headers=False)
    return found


def bindings_for(protocol: MessageProtocol, written: Mapping[str, Any]) -> Mapping[str, Any]:
    """The bindings of a protocol out of a Bindings Object; of any version (M1)."""
    found: dict[str, Any] = {}
    for key in protocol.bindings:
        own = written.get(key)
        found |= own if isinstance(own, dict) else {}
    return found
