from __future__ import annotations

import pytest

from tests.support.pets import check, document, rules, with_criterion, with_output, with_value


@pytest.mark.parametrize(
    "value",
    [
        "$inputs.status",
        "$inputs.user#/email",
        "$self",
        "'{$inputs.token}{$inputs.status}'",
        "$sourceDescriptions.pets.url",
        "costs $5",
        "'$filter'",
        "'$orderby=name'",
        "'{\"a\": {$inputs.status}}'",
    ],
)
def test_what_the_specification_writes_has_no_problem(value: str) -> None:
    assert rules(with_value(value)) == set()


@pytest.mark.parametrize(
    ("value", "rule", "hint"),
    [
        ("$body.x", "not-an-expression", "Did you mean $response.body.x?"),
        ("'{$foo.bar}'", "not-an-expression", "Write a runtime expression, such as $inputs.name."),
        ("'${inputs.token}'", "not-an-expression", "Write {$inputs.token}: Arazzo has one kind of braces."),
        ("'{{ $inputs.token }}'", "not-an-expression", "Write {$inputs.token}: Arazzo has one kind of braces."),
        ("'Bearer $inputs.token'", "unbraced-expression", "Write 'Bearer {$inputs.token}'."),
        ("'{$inputs.token}'", "whole-value-braces", "Write $inputs.token to keep the type."),
        ("$inputs.user.email", "path-after-expression", "Write $inputs.user#/email."),
        ("$inputs.user#email", "pointer-spelling", "Write $inputs.user#/email."),
        ("$inputs", "whole-object", "Name its members one by one."),
    ],
)
def test_each_deviation_is_told_with_what_to_write(value: str, rule: str, hint: str) -> None:
    assert [(problem.rule, problem.hint) for problem in check(with_value(value))] == [(rule, hint)]


@pytest.mark.parametrize(
    ("expression", "rule", "hint"),
    [
        ("'$response.body.a[0].b'", "path-after-expression", "Write $response.body#/a/0/b."),
        ("$response.body#id", "pointer-spelling", "Write $response.body#/id."),
        ("$response.headers.X-Next", "header-spelling", "Write $response.header.X-Next."),
        ("$response.body/x", "expression-syntax", "Did you mean $response.body#/x?"),
    ],
)
def test_each_deviation_of_an_output_is_told_with_what_to_write(expression: str, rule: str, hint: str) -> None:
    assert [(problem.rule, problem.hint) for problem in check(with_output(expression))] == [(rule, hint)]


def test_a_mistaken_body_is_told_where_it_is_text() -> None:
    found = {problem.rule: problem.hint for problem in check(with_value("$response.body/x"))}

    assert found["not-an-expression"] == "Did you mean $response.body#/x?"


def test_a_path_in_a_condition_is_the_specifications_own() -> None:
    assert rules(with_criterion("{condition: \"$response.body.items[0].id == 'x'\"}")) == set()


def test_what_has_to_be_an_expression_is_one() -> None:
    text = document("  - stepId: find\n    operationId: findPet\n    outputs: {id: $body.id, name: name}\n")

    found = check(text)

    assert [problem.rule for problem in found] == ["expression-syntax", "expression-syntax"]
    assert found[0].hint == "Did you mean $response.body.id?"
    assert "the output name" in found[1].message


def test_expressions_deep_in_a_payload_have_their_own_places() -> None:
    text = document(
        "  - stepId: add\n    operationId: addPet\n    requestBody:\n      payload:\n        pets:\n"
        "        - {name: 'the $inputs.status'}\n"
    )

    [found] = check(text)

    assert found.rule == "unbraced-expression"
    assert found.place.pointer == "/workflows/0/steps/0/requestBody/payload/pets/0/name"


def test_a_1_0_document_has_no_messages() -> None:
    assert rules(with_output("$message.payload#/a", version="1.0.1")) == {"newer-expression"}
    assert rules(with_output("$message.payload#/a")) == set()


def test_a_pointer_behind_an_input_is_in_the_examples_of_1_0() -> None:
    assert rules(with_value("$inputs.user#/email", version="1.0.1")) == set()


def test_an_expression_in_a_pointer_is_not_evaluated() -> None:
    assert rules(with_output("$response.body#/a/$inputs.status/b")) == {"expression-in-pointer"}


def test_expressions_of_components_are_read_without_names() -> None:
    text = document("  - {stepId: find, operationId: findPet}\n") + (
        "components:\n  parameters:\n    a: {name: a, in: query, value: 'x $inputs.anything'}\n"
        "    b: {name: b, in: query, value: $sourceDescriptions.nothing.url}\n"
    )

    assert rules(text) == {"unbraced-expression", "unknown-source"}


@pytest.mark.parametrize(
    ("criterion", "rule", "hint"),
    [
        ("{condition: '$response.body#/a == \"x\"'}", "double-quoted-literal", "Write 'x'."),
        (
            "{condition: \"$.a == 'x'\", context: $response.body#/data, type: jsonpath}",
            "jsonpath-not-a-query",
            "Write the simple condition $response.body#/data/a == 'x'.",
        ),
        (
            "{condition: '$.items.length > 0', context: $response.body, type: jsonpath}",
            "jsonpath-not-a-query",
            "Write $.items[*].",
        ),
        (
            "{condition: '$[?count(@.pets) > 0]', context: $response.body, type: jsonpath}",
            "jsonpath-root-filter",
            "If the context is an object, write $.pets[*].",
        ),
        (
            "{condition: \"$[?@.state == 'up']\", context: $response.body, type: jsonpath}",
            "jsonpath-root-filter",
            "If the context is an object, write the simple condition $response.body#/state == 'up'.",
        ),
        (
            "{condition: '^$inputs.status$', context: $response.body, type: regex}",
            "unbraced-expression",
            "Write '^{$inputs.status}$'.",
        ),
    ],
)
def test_each_deviation_of_a_criterion_is_told_with_what_to_write(criterion: str, rule: str, hint: str) -> None:
    assert [(problem.rule, problem.hint) for problem in check(with_criterion(criterion))] == [(rule, hint)]


@pytest.mark.parametrize(
    "condition",
    [
        "$statusCode == 'ok'",
        "$method == 200",
        "$response.body#/n < null",
        "$statusCode == 99",
        "1 == 2",
        "null",
        "!true",
    ],
)
def test_a_condition_that_never_holds(condition: str) -> None:
    assert rules(with_criterion(f"{{condition: {condition!r}}}")) == {"criterion-never-holds"}
    either = f"$statusCode == 200 || {condition}"
    assert rules(with_criterion(f"{{condition: {either!r}}}")) <= {"condition-never-holds"}


@pytest.mark.parametrize("condition", ["$statusCode != 'ok'", "true", "!false", "'a' == 'A'"])
def test_a_condition_that_always_holds(condition: str) -> None:
    assert rules(with_criterion(f'{{condition: "{condition}"}}')) == {"condition-always-holds"}


@pytest.mark.parametrize(
    "condition",
    ["$statusCode == '200'", "$statusCode == null", "$method == 'get'", "$statusCode >= 200", "$response.body == true"],
)
def test_a_condition_that_depends_on_the_answer(condition: str) -> None:
    assert rules(with_criterion(f'{{condition: "{condition}"}}')) == set()


@pytest.mark.parametrize(
    "criterion",
    [
        "{condition: hello world}",
        "{condition: '$statusCode = 200'}",
        "{condition: '[', context: $response.body, type: regex}",
        "{condition: '$.a[', context: $response.body, type: jsonpath}",
        "{condition: '//a[', context: $response.body, type: xpath}",
    ],
)
def test_a_condition_that_cannot_be_parsed(criterion: str) -> None:
    assert rules(with_criterion(criterion)) == {"criterion-syntax"}


def test_a_context_that_is_no_expression_is_told_once() -> None:
    assert [p.rule for p in check(with_criterion("{condition: '$.a', context: body, type: jsonpath}"))] == [
        "expression-syntax"
    ]
