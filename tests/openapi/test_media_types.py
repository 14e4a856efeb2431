from __future__ import annotations

import pytest

from arazzo_runner.openapi.media_types import codec_of, essence, is_json, is_xml, media_type_parameter


@pytest.mark.parametrize(
    ("content_type", "name", "expected"),
    [
        ("text/plain", "charset", None),
        ("text/plain;charset=utf-8", "charset", "utf-8"),
        ("text/plain; Charset = UTF-8 ; x=1", "charset", "UTF-8"),
        ('multipart/form-data; boundary="a;charset=b \\"c"', "boundary", 'a;charset=b "c'),
        ('multipart/form-data; boundary="a;charset=b"', "charset", None),
        ('text/plain; a="x;y"; charset=z', "charset", "z"),
        ("text/plain; charset=", "charset", None),
        ('text/plain; charset=""', "charset", None),
    ],
)
def test_a_parameter_is_found_without_case_and_unquoted(content_type: str, name: str, expected: str | None) -> None:
    assert media_type_parameter(content_type, name) == expected


@pytest.mark.parametrize(
    ("content_type", "json", "xml"),
    [
        ("application/json", True, False),
        ("Application/Problem+JSON; charset=utf-8", True, False),
        ("text/xml;charset=utf-8", False, True),
        ("application/soap+xml", False, True),
        ("text/html", False, False),
        ("", False, False),
    ],
)
def test_what_is_built_on_json_and_xml(content_type: str, json: bool, xml: bool) -> None:
    assert (is_json(content_type), is_xml(content_type)) == (json, xml)


def test_the_essence_leaves_the_parameters_out() -> None:
    assert essence(" Text/Plain ; charset=utf-8") == "text/plain"


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("latin1", "iso8859-1"),
        ("windows-1252", "cp1252"),
        ("Shift_JIS", "shift_jis"),
        ("us-ascii", "ascii"),
        ("nope", None),
        ("a\0b", None),
        ("é" * 3, None),
        *(
            (name, None)
            for name in ("punycode", "idna", "undefined", "utf-7", "hex", "rot13", "unicode_escape", "mbcs")
        ),
    ],
)
def test_charsets_are_those_of_the_web(charset: str, codec: str | None) -> None:
    assert codec_of(charset) == codec
