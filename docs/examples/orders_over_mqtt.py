"""The service of workflows/place-order-workflow.yml: takes orders over HTTP, and tells over MQTT what was shipped.

``python docs/examples/orders_over_mqtt.py [HTTP_PORT] [BROKER_PORT]``; it needs a broker, such as mosquitto.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiomqtt

HTTP_PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
BROKER_PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 1883
numbers = itertools.count(1)


async def tell(order_id: str, item: str) -> None:
    """Say that an order was shipped."""
    shipped = {"orderId": order_id, "parcel": f"{item}-{order_id}"}
    async with aiomqtt.Client("127.0.0.1", BROKER_PORT) as client:
        await client.publish("orders/shipped", json.dumps(shipped), qos=1)


class Orders(BaseHTTPRequestHandler):
    """``POST /orders``."""

    def do_POST(self) -> None:
        """Take an order, ship it at once, and answer: the message is there before the answer is."""
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        order_id = f"o-{next(numbers)}"
        asyncio.run(tell(order_id, order["item"]))
        body = json.dumps({"orderId": order_id}).encode()
        self.send_response(202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", HTTP_PORT), Orders)
    print(f"orders at http://127.0.0.1:{HTTP_PORT}, shipments at mqtt://127.0.0.1:{BROKER_PORT}", flush=True)
    server.serve_forever()
