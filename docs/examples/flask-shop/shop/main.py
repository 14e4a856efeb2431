"""A shop: log in, order, attach a file, page through orders, export them by a job that is polled."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, request

PAGE = 2
TOKEN = "token-of-the-shop-81f2"

app = Flask("shop")
orders: list[dict[str, Any]] = []
polls: dict[int, int] = {}


@app.before_request
def logged_in() -> None:
    if request.endpoint != "log_in" and request.headers.get("Authorization") != f"Bearer {TOKEN}":
        abort(401)


@app.post("/login")
def log_in() -> dict[str, Any]:
    if request.get_json()["password"] != "correct horse":
        abort(401)
    return {"access_token": TOKEN}


@app.post("/orders")
def create_order() -> tuple[dict[str, Any], int]:
    order = {"id": len(orders) + 1, **request.get_json()}
    orders.append(order)
    return order, 201


@app.get("/orders")
def list_orders() -> dict[str, Any]:
    page = int(request.args.get("page", 1))
    found = orders[(page - 1) * PAGE : page * PAGE]
    return {"orders": found, "next": page + 1 if len(orders) > page * PAGE else None}


@app.post("/orders/<int:number>/files")
def attach(number: int) -> tuple[dict[str, Any], int]:
    if number > len(orders):
        abort(404)
    file = request.files["file"]
    return {"name": file.filename, "size": len(file.read())}, 201


@app.post("/exports")
def start_export() -> tuple[dict[str, Any], int]:
    number = len(polls) + 1
    polls[number] = 0
    return {"id": number, "state": "pending", "rows": 0}, 202


@app.get("/exports/<int:number>")
def get_export(number: int) -> dict[str, Any]:
    polls[number] += 1
    done = polls[number] > 2
    return {"id": number, "state": "done" if done else "pending", "rows": len(orders) if done else 0}
