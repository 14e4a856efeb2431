"""The service of workflows/ask-price-workflow.yml: answers questions for prices over NATS.

``python docs/examples/prices_over_nats.py [BROKER_PORT]``; it needs a NATS server.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import nats

if TYPE_CHECKING:
    from nats.aio.msg import Msg

BROKER_PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 4222
PRICES = {"tea": 9.5, "coffee": 12.0}


async def main() -> None:
    """Answer until the process ends."""
    client = await nats.connect(f"nats://127.0.0.1:{BROKER_PORT}")

    async def answer(question: Msg) -> None:
        item = json.loads(question.data)["item"]
        price = {"item": item, "price": PRICES.get(item, 1.0), "currency": "EUR"}
        await client.publish((question.headers or {})["replyTo"], json.dumps(price).encode())

    await client.subscribe("prices.ask", cb=answer)
    await client.flush()
    print(f"prices at nats://127.0.0.1:{BROKER_PORT}", flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
