"""Makes the pictures: a run and a debugger in a real terminal as animated SVGs, the HTML report and the pages as PNGs.

Usage: ``python docs/pictures.py`` from the repository's root, with the dev extra, tmux and Chromium. The run is that of
the deployment workflow, against the emulator of the tests.
"""

from __future__ import annotations

import html
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
COLUMNS, ROWS = 112, 13
CELL, LINE, MARGIN, TITLE = 8.4, 20, 16, 36
PAUSE = 4.0
"""Seconds that the last frame stands before it begins anew."""
COMMAND = (
    "arazzo run deploy-inference-endpoint -i namespace=acme -i name=my-gpt2 -i repository=gpt2 "
    "-i instanceType=intel-icl -i instanceSize=x1 -i hfToken=@token.txt"
)
COLOURS = {"31": "#ff938a", "32": "#67cf92", "33": "#efbf62", "36": "#7fd4e8", "34": "#84b0ff", "35": "#d3a6ff"}
_SGR = re.compile(r"\x1b\[([\d;]*)m")


@dataclass(frozen=True)
class Frame:
    """A screen, and how many seconds it stood."""

    lines: tuple[str, ...]
    seconds: float


def record(command: Sequence[str], shown: str, rows: int = ROWS) -> list[Frame]:
    """Run a command in a terminal, and return the screens that came one after another.

    Args:
        shown: the command as the picture shows it.
        rows: lines of the terminal.
    """
    with tempfile.TemporaryDirectory() as directory:
        tmux = ["tmux", "-S", f"{directory}/tmux", "-f", "/dev/null"]
        prompt = f"printf '\\033[36m$\\033[m %s\\n' {shlex.quote(shown)}"
        script = f"{prompt}; {shlex.join(command)}; touch {directory}/done; exec cat > /dev/null"
        size = ["-x", str(COLUMNS), "-y", str(rows)]
        subprocess.run([*tmux, "new-session", "-d", *size, "sh", "-c", script], check=True)
        frames: list[Frame] = []
        last, since = None, time.monotonic()
        try:
            ended = False
            while not ended:
                ended = Path(directory, "done").exists()
                capture = [*tmux, "capture-pane", "-p", "-e"]
                screen = subprocess.run(capture, check=True, capture_output=True, text=True).stdout.rstrip("\n")
                now = time.monotonic()
                if screen != last:
                    if last is not None:
                        frames.append(Frame(tuple(last.split("\n")), now - since))
                    last, since = screen, now
                time.sleep(0.05)
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)
        return [*frames, Frame(tuple((last or "").split("\n")), PAUSE)]


def svg(frames: Sequence[Frame], title: str, rows: int = ROWS) -> str:
    """Draw a cast: every frame is a group that an animation shows for its time."""
    total = sum(frame.seconds for frame in frames)
    width, height = COLUMNS * CELL + 2 * MARGIN, rows * LINE + 2 * MARGIN + TITLE
    rules, groups, begun = [], [], 0.0
    for number, frame in enumerate(frames):
        start, end = 100 * begun / total, 100 * (begun + frame.seconds) / total
        begun += frame.seconds
        show = "0%{opacity:1}" if number == 0 else f"0%,{start - 0.001:.3f}%{{opacity:0}}{start:.3f}%{{opacity:1}}"
        hide = "" if number == len(frames) - 1 else f"{end - 0.001:.3f}%{{opacity:1}}{end:.3f}%,100%{{opacity:0}}"
        rules.append(
            f"@keyframes f{number}{{{show}{hide}}}.f{number}{{animation:f{number} {total:.2f}s infinite step-end}}"
        )
        groups.append(f'<g class="f{number}">{"".join(_lines(frame))}</g>')
    dots = "".join(
        f'<circle cx="{24 + 20 * n}" cy="20" r="6" fill="{c}"/>'
        for n, c in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    style = (
        "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#e6e9ee;white-space:pre}"
        + "".join(rules)
        # Who wants no motion sees the end.
        + "@media(prefers-reduced-motion:reduce){g{animation:none!important;opacity:0}g:last-of-type{opacity:1}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img" aria-label="{html.escape(title)}">'
        f"<title>{html.escape(title)}</title><style>{style}</style>"
        f'<rect width="100%" height="100%" rx="10" fill="#14171c"/>{dots}{"".join(groups)}</svg>\n'
    )


def _lines(frame: Frame) -> Iterator[str]:
    for number, line in enumerate(frame.lines):
        spans, column = [], 0
        for text, style in _styled(line):
            x = MARGIN + column * CELL
            # Its length is set: another font would move what stands behind.
            length = f' textLength="{len(text) * CELL:.1f}"' if text.strip() else ""
            spans.append(f'<tspan x="{x:.1f}"{length}{style}>{html.escape(text)}</tspan>')
            column += len(text)
        if spans:
            yield f'<text y="{TITLE + MARGIN + number * LINE}">{"".join(spans)}</text>'


def _styled(line: str) -> Iterator[tuple[str, str]]:
    """The parts of a line with the colour that each has."""
    style, end = "", 0
    for found in [*_SGR.finditer(line), None]:
        text = line[end : found.start() if found else len(line)]
        if text:
            yield text, style
        if found is None:
            return
        end = found.end()
        for code in found[1].split(";"):
            if code in ("", "0", "39"):
                style = ""
            elif code == "1":
                style = ' font-weight="700"'
            elif code in COLOURS:
                style = f' fill="{COLOURS[code]}"'


def take_cast(port: int = 8713) -> None:
    """Record the run of the README against the emulator."""
    emulator = [sys.executable, "-m", "tests.servers.inference_endpoints", "--port", str(port), "--accept-any"]
    served = subprocess.Popen(emulator, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert served.stdout is not None
        served.stdout.readline()
        words = shlex.split(COMMAND.replace("@token.txt", "none"))[1:]
        run = [
            sys.executable,
            "-m",
            "arazzo_runner",
            *words,
            "--server",
            f"localhost:{port}/v2",
            "--poll-interval",
            "1.5",
        ]
        frames = record(["env", f"PYTHONPATH={ROOT}", *run], COMMAND)
    finally:
        served.kill()
        served.wait()
    IMAGES.mkdir(exist_ok=True)
    title = "A run in a terminal: an endpoint is created and polled until it is running"
    IMAGES.joinpath("run.svg").write_text(svg(frames, title), "utf-8")


def take_debugger(port: int = 8714) -> None:
    """Record the debugger that finds a wrong pointer, as docs/debugging.md does."""
    page = ROOT.joinpath("docs", "debugging.md").read_text("utf-8")
    document = page.partition("<!-- file: ship.arazzo.yaml -->\n```yaml\n")[2].partition("```")[0]
    words = ["debug", "ship.arazzo.yaml", "-i", "token=tea-token-1234", "--poll-interval", "0.4"]
    words += ["--break", "wait:action if $response.body#/state == 'shipped'"]
    shop = subprocess.Popen(
        [sys.executable, "docs/examples/shop.py", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        wait_for_port(port)
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "ship.arazzo.yaml").write_text(
                document.replace("docs/examples", str(ROOT / "docs" / "examples")), "utf-8"
            )
            Path(directory, "commands.txt").write_text("where\nprint $response.body#/state\n", "utf-8")
            at = ["--server", f"http://localhost:{port}", "--commands", "commands.txt"]
            command = ["env", "-C", directory, f"PYTHONPATH={ROOT}", sys.executable, "-m", "arazzo_runner", *words]
            frames = record([*command, *at], f"arazzo {shlex.join(words)}", rows=36)
    finally:
        shop.kill()
        shop.wait()
    title = "The debugger in a terminal: where says why the run is where it is, and which output found nothing"
    IMAGES.joinpath("debug.svg").write_text(svg(frames, title, rows=36), "utf-8")


def wait_for_port(port: int) -> None:
    """Wait until something listens there."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens at {port}")


def take_web() -> None:
    """Photograph the page of a run of the deployment workflow, an attempt opened, and the form that it came from."""
    from playwright.sync_api import sync_playwright

    emulator = [sys.executable, "-m", "tests.servers.inference_endpoints", "--port", "0", "--accept-any"]
    served = subprocess.Popen(emulator, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        assert served.stdout is not None
        api = served.stdout.readline().strip()
        journal = ["--journal", f"{directory}/j.db", "--journal-key", f"{directory}/j.key"]
        words = ["web", "workflows", "--allow-run", "--server", api, "--poll-interval", "1", *journal]
        web = subprocess.Popen(
            [sys.executable, "-m", "arazzo_runner", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        try:
            assert web.stderr is not None
            address = web.stderr.readline().split()[-1]
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1240, "height": 900}, device_scale_factor=1)
            page.goto(address)
            page.get_by_role("link", name=re.compile("Create a dedicated")).click()
            for word in shlex.split(COMMAND.replace("@token.txt", "none"))[3:]:
                name, equals, value = word.partition("=")
                if equals:
                    page.locator(f"[name='input.{name}']").fill(value)
            page.screenshot(path=IMAGES / "web-form.png")
            page.get_by_role("button", name="Run", exact=True).click()
            page.locator("h1 .badge.succeeded").wait_for()
            page.locator("#attempt-4 summary").first.click()
            page.locator("#attempt-4 .reasons").wait_for()
            page.set_viewport_size({"width": 1240, "height": 1240})
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=IMAGES / "web-run.png")
            browser.close()
        finally:
            for process in (web, served):
                process.terminate()
                process.wait()


def take_report() -> None:
    """Photograph the page of a case that fails."""
    from playwright.sync_api import sync_playwright

    case = "cassettes/deploy-inference-endpoint/already-exists.yaml"
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        page_file = Path(directory, "report.html")
        words = shlex.split(COMMAND.replace("@token.txt", "none"))[1:]
        run = [sys.executable, "-m", "arazzo_runner", *words, "-q", "--replay", case, "--report", f"html={page_file}"]
        subprocess.run(run, cwd=ROOT, check=False, capture_output=True)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 760}, device_scale_factor=1)
        page.goto(page_file.as_uri())
        page.screenshot(path=IMAGES / "report.png")
        browser.close()


if __name__ == "__main__":
    take_cast()
    take_report()
    take_debugger()
    take_web()
