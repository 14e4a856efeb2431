"""The site's workflow, by WSGI and by ASGI."""

import pytest
from django.core.asgi import get_asgi_application
from orders.site import application

WORKFLOW = "workflows/orders.arazzo.yaml"


@pytest.mark.parametrize("app", [application, get_asgi_application()], ids=["wsgi", "asgi"])
def test_an_order_is_found_again(arazzo_runner, app):
    result = arazzo_runner(WORKFLOW, inputs={"item": "lamp"}, app=app)
    assert result.raise_for_failure().outputs == {"item": "lamp"}
