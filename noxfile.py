"""The common commands of a contributor: ``nox -l`` lists them."""

from __future__ import annotations

import nox

nox.options.sessions = ["fast"]
nox.options.reuse_existing_virtualenvs = True


@nox.session
def fast(session: nox.Session) -> None:
    """Run every test but the slow ones."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-q", "-n", "auto", "-m", "not slow", *session.posargs)


@nox.session
def full(session: nox.Session) -> None:
    """Run every test."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-q", "-n", "auto", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run every test and show which lines and branches none reaches."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-q", "-n", "auto", "--cov", "--cov-report=term", *session.posargs)


@nox.session
def house(session: nox.Session) -> None:
    """Check lint, format, types and import contracts."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-q", "tests/test_house.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Write the generated pages of the documentation."""
    session.install("-e", ".")
    session.run("python", "docs/generate.py")


@nox.session
def speed(session: nox.Session) -> None:
    """Measure speed against a bare client."""
    session.install("-e", ".[test]")
    session.run("python", "benchmarks/speed.py", *session.posargs)
