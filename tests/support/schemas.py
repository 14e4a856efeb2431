"""Schemas of report formats that others published."""

from __future__ import annotations

from lxml import etree

from tests.support.repository import ROOT

JUNIT = etree.XMLSchema(etree.parse(ROOT / "tests" / "reports" / "schemas" / "junit-10.xsd"))
