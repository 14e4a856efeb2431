"""``arazzo run``."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arazzo_runner.cli.options import (
    check_sources,
    credential_options,
    pairs,
    server_variables,
    servers,
    source_options,
    workflows_option,
)

if TYPE_CHECKING:
    from arazzo_runner.reports.console import Console


@click.command(
    "run",
    short_help="Run a workflow and print its outputs.",
    epilog="Example: arazzo run deploy-inference-endpoint -i namespace=acme -i name=gpt2 -i repository=gpt2 "
    "-i hfToken=@token.txt",
)
@click.argument("target")
@click.argument("workflow", required=False)
@workflows_option
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="INPUT",
    help="name=value, name=@file, a JSON or YAML file, a JSON object, or - for JSON on stdin. Later ones win; "
    "ARAZZO_INPUT_<name> in the environment is lowest.",
)
@click.option("--server", "server", multiple=True, metavar="[SOURCE=]URL", help="Send to this server.")
@click.option("--server-var", multiple=True, metavar="[SOURCE.]NAME=VALUE", help="Set a server variable.")
@source_options
@credential_options
@click.option("--record", metavar="FILE", help="Write the exchanges to a cassette, secrets masked.")
@click.option("--replay", metavar="FILE", help="Answer only from a cassette; no socket is opened.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole run report instead of the outputs.")
@click.option("--report", "reports", multiple=True, metavar="FORMAT=PATH", help="Write a report; FORMAT is json.")
@click.option("--dry-run", is_flag=True, help="Print the plan and the first request; send nothing.")
@click.option("--strict", is_flag=True, help="Accept the specification's forms only.")
@click.option("--force", is_flag=True, help="Run although a condition cannot be parsed; it then fails.")
@click.option(
    "--poll-interval",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Wait before the same request is repeated by goto; 0 for none.",
)
@click.option(
    "--max-steps",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    metavar="N",
    help="End the run after that many step attempts.",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="End the run after that time."
)
@click.option(
    "--max-retry-after",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="The longest single wait, whoever asks for it.",
)
@click.option("--follow-redirects", is_flag=True, help="Follow redirects, without credentials to another origin.")
@click.option(
    "--connect-timeout", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True, metavar="SECONDS"
)
@click.option(
    "--read-timeout", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True, metavar="SECONDS"
)
@click.option(
    "--max-response-bytes", type=click.IntRange(min=1), default=64 * 1024 * 1024, show_default=True, metavar="N"
)
@click.option("--proxy", metavar="URL", help="Send everything through this proxy.")
@click.option("--ca-bundle", metavar="FILE", help="Authorities to trust instead of the usual ones (PEM).")
@click.option("--client-cert", metavar="FILE", help="Client certificate and key (PEM), or CERT:KEY.")
@click.option("--insecure", is_flag=True, help="Do not verify TLS.")
@click.option("-q", "--quiet", is_flag=True, help="Show only the result.")
@click.option("-v", "--verbose", count=True, help="Show requests and responses; -vv their bodies too.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Run a workflow to its end and print its outputs as one JSON object.

    TARGET is a path or URL of an Arazzo document, or a workflowId found under --workflows. With a document, WORKFLOW
    picks one of its workflows; it may be left out when there is one.

    Exit status: 0 succeeded, 1 ran and failed, 2 could not start, 130 interrupted.
    """
    ctx.exit(run(options))


def run(options: dict[str, Any]) -> int:
    """Run what the options ask for; gives the exit status."""
    from arazzo_runner.cli.credentials import gather_credentials
    from arazzo_runner.cli.inputs import gather_inputs
    from arazzo_runner.cli.targets import find_target
    from arazzo_runner.engine.plan import RunOptions
    from arazzo_runner.errors import Severity, UsageError
    from arazzo_runner.openapi.servers import ServerOptions
    from arazzo_runner.reports.jsonreport import JsonReport
    from arazzo_runner.runtime.drivers import Listener
    from arazzo_runner.runtime.runner import Session, load

    if options["record"] and options["replay"]:
        raise UsageError("--record and --replay exclude one another")
    target = find_target(options["target"], options["workflow"], options["directory"])
    sources = pairs(options["sources"], "--source", "NAME=PATH")
    transport = _transport_options(options)
    workbook = load(target.document, sources=sources, base_dir=options["base_dir"], transport=transport)
    described = workbook.description.source_descriptions
    given_servers = servers(options["server"])
    if not any(source.type == "arazzo" for source in described):
        # A misspelt name must not send the user's token to another server than the one meant.
        names = [source.name for source in described]
        check_sources(sources, names)
        check_sources([name for name in given_servers if name], names, option="--server")
    run_options = RunOptions(
        strict=options["strict"],
        force=options["force"],
        poll_interval=options["poll_interval"],
        max_steps=options["max_steps"],
        timeout=options["timeout"],
        max_retry_after=options["max_retry_after"],
        servers=ServerOptions(given_servers, server_variables(options["server_var"])),
        credentials=gather_credentials(
            options["auth"], options["credentials"], os.environ, certificate=bool(options["client_cert"])
        ),
    )
    plan = workbook.plan(target.workflow_id, run_options)
    schema = plan.workflow.input_schema
    inputs = gather_inputs(schema, options["inputs"], os.environ, sys.stdin)
    report_paths = _report_paths(options["reports"])
    with ExitStack() as stack:
        listeners: list[Listener] = [_console(options)]
        report = None
        if options["as_json"] or report_paths:
            report = stack.enter_context(JsonReport(target.document))
            listeners.append(report)
        session = Session(plan, inputs, listeners)
        if options["dry_run"]:
            from arazzo_runner.cli.dryrun import dry_run

            return dry_run(session, inputs)
        for problem in plan.problems:
            if not options["quiet"] and problem.severity is Severity.WARNING:
                click.echo(f"  ! {problem.place}: {problem.message} [{problem.rule}]", err=True)
        with ExitStack() as connections:
            world = _world(session, options, transport, connections)
            result = session.run(world)
        _warn_of_unused(world, succeeded=result.succeeded)
        outputs = session.redactor.outputs(dict(result.outputs))
        if report is not None and options["as_json"]:
            report.write(sys.stdout, outputs=outputs)
        else:
            click.echo(json.dumps(outputs, ensure_ascii=False, indent=2, default=_bytes_as_text))
        if report is not None:
            for path in report_paths:
                _write_report(report, path)
    interrupted = result.reason is not None and result.reason.code == "interrupted"
    return 130 if interrupted else 0 if result.succeeded else 1


def _console(options: dict[str, Any]) -> Console:
    """What is shown on stderr: live and in colour only on a terminal."""
    from arazzo_runner.cli.main import source_line
    from arazzo_runner.reports.console import Console, ConsoleOptions

    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    show = ConsoleOptions(
        quiet=options["quiet"],
        verbose=options["verbose"],
        colour=live and not os.environ.get("NO_COLOR"),
        live=live and not options["verbose"],
    )
    return Console(sys.stderr, show, source_line)


def _bytes_as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _transport_options(options: dict[str, Any]) -> Any:
    """The transport's options, or None for the defaults, which spares the import until a request is sent."""
    names = (
        "connect_timeout",
        "read_timeout",
        "max_response_bytes",
        "follow_redirects",
        "proxy",
        "ca_bundle",
        "client_cert",
        "insecure",
    )
    if options["replay"] or options["dry_run"]:
        return None
    from arazzo_runner.runtime.transport import TransportOptions

    return TransportOptions(**{name: options[name] for name in names})


def _world(session: Any, options: dict[str, Any], transport: Any, stack: ExitStack) -> Any:
    if options["replay"]:
        from arazzo_runner.runtime.cassettes import Replay, read_cassette

        return Replay(read_cassette(options["replay"]), session.redactor)
    from arazzo_runner.runtime.transport import open_transport

    world: Any = stack.enter_context(open_transport(transport))
    if options["record"]:
        from arazzo_runner.runtime.cassettes import Recording

        comment = f"Recorded by `arazzo run {session.plan.workflow.workflow_id} --record`."
        world = Recording(world, stack.enter_context(session.recorder(options["record"], comment=comment)))
    return world


def _warn_of_unused(world: Any, *, succeeded: bool) -> None:
    unused = getattr(world, "unused", ())
    if succeeded and unused:
        first = unused[0].request
        click.echo(
            f"  ! {len(unused)} recorded interaction(s) were not used, the first is {first.method} {first.url}",
            err=True,
        )


def _report_paths(words: tuple[str, ...]) -> list[str]:
    from arazzo_runner.errors import UsageError

    paths = []
    for word in words:
        kind, _, path = word.partition("=")
        if kind != "json" or not path:
            raise UsageError(f"--report {word!r}: expected json=PATH", hint="write --report json=PATH")
        paths.append(path)
    return paths


def _write_report(report: Any, path: str) -> None:
    """Write a report whole or not at all."""
    part = Path(f"{path}.part")
    with part.open("w", encoding="utf-8") as file:
        report.write(file)
    part.replace(path)
