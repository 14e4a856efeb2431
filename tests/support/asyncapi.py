"""AsyncAPI descriptions of tests, made of YAML text."""

from __future__ import annotations

from collections.abc import Mapping

from arazzo_runner.asyncapi.descriptions import AsyncDescription
from arazzo_runner.documents.reader import Document, read_document

THIRD = """\
asyncapi: 3.0.0
info: {title: Orders, version: 1.0.0}
defaultContentType: application/json
servers:
  production:
    host: '{region}.broker.example:5672'
    pathname: /shop
    protocol: amqp
    variables: {region: {default: eu, enum: [eu, us]}}
    security: [{$ref: '#/components/securitySchemes/user'}]
    bindings: {amqp: {heartbeat: 10}}
  local: {host: 'localhost:1883', protocol: mqtt, protocolVersion: 3.1.1}
channels:
  placed:
    address: orders/placed
    servers: [{$ref: '#/servers/local'}]
    bindings: {mqtt: {qos: 1}}
    messages:
      order: {$ref: '#/components/messages/order'}
      other: {payload: {type: string}}
  status:
    address: orders/{id}/status
    parameters: {id: {$ref: '#/components/parameters/id'}}
    messages: {status: {payload: {type: object}}}
operations:
  placeOrder:
    action: receive
    channel: {$ref: '#/channels/placed'}
    messages: [{$ref: '#/channels/placed/messages/order'}]
    traits: [{bindings: {mqtt: {qos: 2, retain: true}}}]
    bindings: {mqtt: {qos: 0}}
    reply:
      address: {location: '$message.header#/replyTo'}
      channel: {$ref: '#/channels/status'}
  tellStatus: {action: send, channel: {$ref: '#/channels/status'}}
components:
  securitySchemes: {user: {type: userPassword}}
  parameters: {id: {default: '1', enum: ['1', '2'], location: $message.payload#/id}}
  messages:
    order:
      contentType: application/cloudevents+json
      correlationId: {$ref: '#/components/correlationIds/id'}
      traits:
      - headers: {type: object, properties: {X-Trace: {type: string}}}
        contentType: text/plain
      payload: {$ref: '#/components/schemas/Order'}
  correlationIds: {id: {location: $message.header#/correlationId}}
  schemas:
    Order:
      type: object
      properties: {sku: {type: string}, parts: {type: array, items: {$ref: '#/components/schemas/Order'}}}
"""

SECOND = """\
asyncapi: 2.6.0
info: {title: Orders, version: 1.0.0}
defaultContentType: application/json
servers:
  production:
    url: mqtt://broker.example
    protocol: mqtt
    security: [{user: []}]
channels:
  orders/placed:
    servers: [production]
    publish:
      operationId: placeOrder
      traits: [{bindings: {mqtt: {qos: 2}}}]
      bindings: {mqtt: {qos: 0, retain: true}}
      message: {$ref: '#/components/messages/order'}
  orders/{id}/status:
    parameters: {id: {schema: {type: string, default: '1', enum: ['1', '2']}, location: $message.payload#/id}}
    subscribe:
      message:
        oneOf: [{name: ready, payload: {type: object}}, {name: sold, payload: {type: object}}]
components:
  securitySchemes: {user: {type: userPassword}}
  messages:
    order:
      name: order
      schemaFormat: application/vnd.apache.avro;version=1.9.0
      traits: [{contentType: text/plain}]
      payload: {type: record}
"""


def described(text: str, *, beside: Mapping[str, str] | None = None) -> AsyncDescription:
    """A description, and the documents that it may refer to by their URLs."""

    def open_reference(uri: str) -> Document:
        name = uri.rpartition("/")[2]
        if name not in (beside or {}):
            raise FileNotFoundError(2, "No such file or directory", uri)
        return read_document((beside or {})[name], name, uri=uri)

    document = read_document(text, "events.yaml", uri="https://events.example/events.yaml")
    return AsyncDescription("events", document, open_reference)
