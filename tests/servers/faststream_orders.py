"""An application that ships orders, of FastStream: ``faststream run`` serves it, ``faststream docs gen`` describes it.

``PROTOCOL`` and ``BROKER_URL`` in the environment say over which broker.
"""

from __future__ import annotations

import os
from typing import Any

from faststream import FastStream
from pydantic import BaseModel


class Order(BaseModel):
    """What is ordered."""

    id: str
    item: str


class Shipment(BaseModel):
    """What was shipped."""

    id: str
    parcel: str


def made() -> Any:
    """The broker of the environment."""
    protocol, url = os.environ["PROTOCOL"], os.environ["BROKER_URL"]
    match protocol:
        case "nats":
            from faststream.nats import NatsBroker

            return NatsBroker(url)
        case "kafka":
            from faststream.kafka import KafkaBroker

            return KafkaBroker(url.partition("://")[2])
        case "amqp":
            from faststream.rabbit import RabbitBroker

            return RabbitBroker(url)
        case "mqtt":
            from faststream.mqtt import MQTTBroker

            return MQTTBroker(url)
        case _:
            raise ValueError(protocol)


def exchange() -> dict[str, Any]:
    """Over AMQP, what makes a topic of an exchange of the queue."""
    if os.environ["PROTOCOL"] != "amqp":
        return {}
    from faststream.rabbit import ExchangeType, RabbitExchange

    return {"exchange": RabbitExchange("shop", type=ExchangeType.TOPIC, durable=True)}


BETWEEN = "/" if os.environ["PROTOCOL"] == "mqtt" else "."
PLACED, SHIPPED = f"orders{BETWEEN}placed", f"orders{BETWEEN}shipped"
broker = made()
app = FastStream(broker)


@broker.subscriber(PLACED, **exchange())
@broker.publisher(SHIPPED, **exchange())
async def ship(order: Order) -> Shipment:
    """Ship an order."""
    return Shipment(id=order.id, parcel=f"parcel of {order.item}")
