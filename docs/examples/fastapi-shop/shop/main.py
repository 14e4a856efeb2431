"""A shop: log in, order, attach a file, page through orders, export them by a job that is polled."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, FastAPI, HTTPException, UploadFile
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

PAGE = 2
TOKEN = "token-of-the-shop-81f2"

app = FastAPI(title="Shop", servers=[{"url": "/"}])
bearer = HTTPBearer()
orders: list[Order] = []
polls: dict[int, int] = {}


class Login(BaseModel):
    user: str
    password: str


class Token(BaseModel):
    access_token: str


class NewOrder(BaseModel):
    item: str
    quantity: int


class Order(NewOrder):
    id: int


class OrderPage(BaseModel):
    orders: list[Order]
    next: int | None


class Attachment(BaseModel):
    name: str
    size: int


class Export(BaseModel):
    id: int
    state: Literal["pending", "done"]
    rows: int


def logged_in(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> None:
    if credentials.credentials != TOKEN:
        raise HTTPException(401)


LOGGED_IN = [Depends(logged_in)]


@app.post("/login", operation_id="logIn")
def log_in(login: Login) -> Token:
    if login.password != "correct horse":
        raise HTTPException(401, "wrong password")
    return Token(access_token=TOKEN)


@app.post("/orders", operation_id="createOrder", status_code=201, dependencies=LOGGED_IN)
def create_order(new: NewOrder) -> Order:
    order = Order(id=len(orders) + 1, **new.model_dump())
    orders.append(order)
    return order


@app.get("/orders", operation_id="listOrders", dependencies=LOGGED_IN)
def list_orders(page: int = 1) -> OrderPage:
    found = orders[(page - 1) * PAGE : page * PAGE]
    return OrderPage(orders=found, next=page + 1 if len(orders) > page * PAGE else None)


@app.post("/orders/{number}/files", operation_id="attach", status_code=201, dependencies=LOGGED_IN)
async def attach(number: int, file: UploadFile) -> Attachment:
    if number > len(orders):
        raise HTTPException(404)
    return Attachment(name=file.filename or "", size=len(await file.read()))


@app.post("/exports", operation_id="startExport", status_code=202, dependencies=LOGGED_IN)
def start_export() -> Export:
    number = len(polls) + 1
    polls[number] = 0
    return Export(id=number, state="pending", rows=0)


@app.get("/exports/{number}", operation_id="getExport", dependencies=LOGGED_IN)
def get_export(number: int) -> Export:
    polls[number] += 1
    done = polls[number] > 2
    return Export(id=number, state="done" if done else "pending", rows=len(orders) if done else 0)
