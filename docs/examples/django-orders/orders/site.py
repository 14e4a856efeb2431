"""A Django site of one file: orders are made and looked at."""

from __future__ import annotations

import json

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    ALLOWED_HOSTS=["testserver"],
    DEBUG=False,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for-tests-only",
)

orders: list[dict[str, object]] = []


@csrf_exempt
def make(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponse(status=405)
    order = {"id": len(orders) + 1, **json.loads(request.body)}
    orders.append(order)
    return JsonResponse(order, status=201)


def look_at(request: HttpRequest, number: int) -> HttpResponse:
    return JsonResponse(orders[number - 1]) if number <= len(orders) else HttpResponse(status=404)


urlpatterns = [path("orders", make), path("orders/<int:number>", look_at)]
application = get_wsgi_application()
