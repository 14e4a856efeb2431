"""A tea shop with an API, for trying the runner out: ``python3 docs/examples/shop.py``. It needs Python alone.

It is described in ``shop.openapi.yaml``. What is in it is forgotten when it closes.
"""

from __future__ import annotations

import argparse
import json
import re
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TEAS = {
    "assam": {"id": "assam", "name": "Assam", "price": 6.5},
    "ceylon": {"id": "ceylon", "name": "Ceylon", "price": 5.0},
    "darjeeling": {"id": "darjeeling", "name": "Darjeeling", "price": 9.0},
    "keemun": {"id": "keemun", "name": "Keemun", "price": 8.0},
    "sencha": {"id": "sencha", "name": "Sencha", "price": 7.5},
}
PAGE = 2
"""Teas that a page of the list has."""
STATES = ("received", "packed", "packed", "shipped")
"""The states of an order, one after another each time that somebody looks."""
TOKEN = "tea-token-1234"
Answer = tuple[int, Any, dict[str, str]]


class Shop:
    """The shop: its orders, and how often somebody has asked for the stock."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self.photos = 0
        self.asked = 0

    def answer(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        """Answer a request: a status, data for JSON, and further header fields."""
        url = urlsplit(path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        for wanted, pattern, act in self.routes():
            found = re.fullmatch(pattern, url.path)
            if found and wanted == method:
                if act in (self.order, self.look) and headers.get("Authorization") != f"Bearer {TOKEN}":
                    return 401, {"error": "log in first"}, {"WWW-Authenticate": "Bearer"}
                return act(*found.groups(), query=query, headers=headers, body=body)
        return 404, {"error": f"there is nothing at {url.path}"}, {}

    def routes(self) -> list[tuple[str, str, Any]]:
        """The operations: method, path, and what they do."""
        return [
            ("GET", "/teas", self.teas),
            ("GET", "/teas/([^/]+)", self.tea),
            ("GET", "/stock/([^/]+)", self.stock),
            ("POST", "/login", self.login),
            ("POST", "/orders", self.order),
            ("GET", "/orders/([^/]+)", self.look),
            ("POST", "/photos", self.photo),
        ]

    def teas(self, *, query: dict[str, str], **_: Any) -> Answer:
        """A page of the list; ``next`` is the number of the next page, or null."""
        page, names = int(query.get("page", "1")), sorted(TEAS)
        shown = names[(page - 1) * PAGE : page * PAGE]
        more = page * PAGE < len(names)
        return 200, {"items": [TEAS[name] for name in shown], "next": page + 1 if more else None}, {}

    def tea(self, name: str, **_: Any) -> Answer:
        """One tea."""
        if name not in TEAS:
            return 404, {"error": f"we have no {name}"}, {}
        return 200, TEAS[name], {}

    def stock(self, name: str, **_: Any) -> Answer:
        """What is in stock; the shop assistant is busy two times of three."""
        self.asked += 1
        if self.asked % 3:
            return 503, {"error": "the assistant is busy"}, {"Retry-After": "1"}
        return 200, {"tea": name, "grams": 500}, {}

    def login(self, *, body: bytes, **_: Any) -> Answer:
        """A token, for the password ``oolong``."""
        given = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
        if given.get("password") != "oolong":
            return 401, {"error": "wrong password"}, {}
        return 200, {"token": TOKEN}, {}

    def order(self, *, body: bytes, **_: Any) -> Answer:
        """Order a tea."""
        wanted = json.loads(body or b"{}")
        if wanted.get("tea") not in TEAS:
            return 422, {"error": f"we have no {wanted.get('tea')}"}, {}
        number = f"o{len(self.orders) + 1}"
        self.orders[number] = {"id": number, "tea": wanted["tea"], "grams": wanted.get("grams", 100)}
        return 201, {**self.orders[number], "state": STATES[0]}, {"Location": f"/orders/{number}"}

    def look(self, number: str, **_: Any) -> Answer:
        """Look at an order, which goes on each time."""
        if number not in self.orders:
            return 404, {"error": f"there is no order {number}"}, {}
        seen = self.looks[number] = self.looks.get(number, 0) + 1
        return 200, {**self.orders[number], "state": STATES[min(seen, len(STATES) - 1)]}, {}

    def photo(self, *, headers: Message, body: bytes, **_: Any) -> Answer:
        """Take a photo with its title, as ``multipart/form-data``."""
        head = f"Content-Type: {headers.get('Content-Type')}\r\n\r\n".encode()
        parts = {
            str(part.get_param("name", header="Content-Disposition")): part
            for part in BytesParser().parsebytes(head + body).walk()
            if not part.is_multipart()
        }
        if "photo" not in parts:
            return 422, {"error": "there is no photo in it"}, {}
        self.photos += 1
        photo = parts["photo"]
        title = parts["title"].get_payload() if "title" in parts else ""
        size = len(photo.get_payload(decode=True) or b"")
        told = {"id": f"p{self.photos}", "title": title, "name": photo.get_filename(), "bytes": size}
        return 201, {**told, "type": photo.get_content_type()}, {}


def handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    """The handler of requests to a shop."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply()

        def do_POST(self) -> None:
            self.reply()

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, data, headers = shop.answer(self.command, self.path, self.headers, body)
            text = json.dumps(data).encode()
            self.send_response_only(status)
            for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(text)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing: the terminal is for the runner."""

    return Handler


def main() -> None:
    """Open the shop until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A tea shop with an API, for trying the runner out.")
    parser.add_argument("--port", type=int, default=8765)
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), handler(Shop()))
    print(f"The tea shop is open at http://localhost:{server.server_port} (Ctrl-C closes it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
