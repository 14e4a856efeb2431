"""The rules of what criteria say."""

from __future__ import annotations

from functools import partial

from arazzo_runner.documents.rules import RULES, Rule
from arazzo_runner.errors import Severity

_warning = partial(Rule, severity=Severity.WARNING, at="/workflows/0/steps/0/successCriteria")

RULES.register(
    _warning(
        id="double-quoted-literal",
        summary="Strings of simple conditions stand in single quotes.",
        hint="Write it in single quotes.",
        section="Criterion Object (Literals); C2",
        failing='- condition: $response.body#/state == "ready"\n',
        passing="- condition: $response.body#/state == 'ready'\n",
    ),
    _warning(
        id="bare-literal",
        summary="Strings of simple conditions stand in quotes, media types too.",
        hint="Write it in single quotes.",
        section="Criterion Object (Literals); C2",
        failing="- condition: $response.header.Content-Type == application/json\n",
        passing="- condition: $response.header.Content-Type == 'application/json'\n",
    ),
    _warning(
        id="json-condition",
        summary="A simple condition is a condition, not a JSON text that the context has to equal.",
        hint="Compare the members one by one, or write a JSONPath query.",
        section="Criterion Object; C2",
        failing="- {context: $response.body, condition: '{\"id\": 1}'}\n",
        passing="- {condition: $response.body#/id == 1}\n",
    ),
    _warning(
        id="jsonpath-not-a-query",
        summary="A condition of type jsonpath is a JSONPath query, which passes when it selects something.",
        hint="Write a query, or a simple condition on $response.body.",
        section="Criterion Object; C5",
        failing="- {context: $response.body, type: jsonpath, condition: \"$.state == 'ready'\"}\n",
        passing="- {condition: \"$response.body#/state == 'ready'\"}\n",
    ),
    _warning(
        id="jsonpath-root-filter",
        summary="A query does not filter at its root, where tools differ on what is filtered.",
        hint="Write a query that selects what has to be there, or a simple condition on $response.body.",
        section="Criterion Object; C5",
        failing="- {context: $response.body, type: jsonpath, condition: '$[?count(@.pets) > 0]'}\n",
        passing="- {context: $response.body, type: jsonpath, condition: '$.pets[*]'}\n",
    ),
    _warning(
        id="condition-never-holds",
        summary="A condition can hold.",
        hint="Compare with a value of the same type.",
        section="Criterion Object; C3",
        failing="- {condition: \"$statusCode == 200 || $statusCode == 'ok'\"}\n",
        passing="- {condition: $statusCode == 200}\n",
    ),
    Rule(
        severity=Severity.ERROR,
        at="/workflows/0/steps/0/successCriteria",
        id="criterion-never-holds",
        summary="A success criterion can hold.",
        hint="Correct the condition, or use --force to run with the step failing.",
        section="Criterion Object; C3, D1",
        failing="- {condition: \"$statusCode == 'ok' || 1 == 2\"}\n",
        passing="- {condition: $statusCode == 200}\n",
    ),
    _warning(
        id="condition-always-holds",
        summary="A condition depends on the answer.",
        hint="Remove it, or compare with a value of the same type.",
        section="Criterion Object; C3",
        failing="- {condition: 1 == 1}\n",
        passing="- {condition: $statusCode == 200}\n",
    ),
)
