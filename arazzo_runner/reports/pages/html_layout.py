"""Layout of the drawing of a plan as a flow. No markup is made here.

A workflow is a sequence with jumps, and is drawn as one: its steps below one another in the order of execution, the way
from one to the next between them, and every other way in a lane of its own on the right. So the drawing is as readable
with thirty steps as with three, and no wider on a phone than it has to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from msgspec import Struct

from arazzo_runner.analysis.flow_edges import Edge
from arazzo_runner.reports.flow_graph import Diagram, Node, WorkflowDiagram, grouped
from arazzo_runner.reports.summary import RunPath
from arazzo_runner.reports.terminal.cells import cut
from arazzo_runner.reports.text import duration, one_line

# The flow, in pixels
MARGIN = 12
WIDTH, HEIGHT = 216, 46
SMALL_HEIGHT = 26
GAP, NAMED_GAP = 24, 40
PORT = 22
LANE = 14
RADIUS = 6
CHARACTER = 7.3
LABEL = 28
"""Characters of a way's label that are shown; its title has the rest."""


class Box(Struct, frozen=True):
    """A node in its place; ``step`` is the id of its step, or empty."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    state: str
    label: str
    detail: str
    count: str
    title: str
    attempt: int | None
    step: str = ""


class Way(Struct, frozen=True):
    """An edge in its place: its line, its arrow's head, and where its label begins."""

    line: str
    head: str
    state: str
    failure: bool
    label: str
    x: float
    y: float
    title: str


class Drawing(Struct, frozen=True):
    """A workflow's flow, drawn."""

    workflow_id: str
    summary: str
    width: float
    height: float
    boxes: Sequence[Box]
    ways: Sequence[Way]
    ran: bool


class _Jump(Struct):
    """A way that needs a lane: from and to a port of a node's right side."""

    group: Sequence[Edge]
    taken: int
    source: int
    target: int
    start: float = 0
    end: float = 0
    lane: int = 0


def draw(diagram: Diagram, path: RunPath) -> list[Drawing]:
    """The workflows of a plan with the path that a run took."""
    return [_draw(workflow, path) for workflow in diagram.workflows]


def _draw(workflow: WorkflowDiagram, path: RunPath) -> Drawing:
    taken = {edge: path.count(workflow.workflow_id, edge) for edge in workflow.edges}
    edges = [edge for edge in workflow.edges if taken[edge] or not edge.implied]
    ends = {node for edge in edges for node in (edge.source, edge.target)}
    nodes = [node for node in workflow.nodes if node.id in ends or node.kind == "step"]
    place = {node.id: index for index, node in enumerate(nodes)}
    straight: dict[int, tuple[Sequence[Edge], int]] = {}
    jumps: list[_Jump] = []
    for (source, target, _), group in grouped(edges).items():
        times = sum(taken[edge] for edge in group)
        if place[target] == place[source] + 1 and place[source] not in straight:
            straight[place[source]] = (group, times)
        else:
            jumps.append(_Jump(group, times, place[source], place[target]))
    boxes, bottom = _boxes(workflow.workflow_id, nodes, path, straight, jumps)
    lanes = _assign_lanes(jumps)
    labels = max((len(_label(jump.group, jump.taken)[0]) for jump in jumps), default=0)
    first_lane = MARGIN + WIDTH + 16 + labels * CHARACTER
    ways = [_straight(boxes[index], boxes[index + 1], *way) for index, way in straight.items()]
    ways += [_jump(jump, first_lane + jump.lane * LANE) for jump in jumps]
    beside = max((len(_label(*way)[0]) for way in straight.values()), default=0) * CHARACTER
    right = max(first_lane + lanes * LANE if jumps else 0, MARGIN + WIDTH, MARGIN + WIDTH / 2 + 10 + beside)
    # Ways that were taken are drawn last, above the others.
    ways.sort(key=lambda way: way.state == "taken")
    ran = bool(path.entered[workflow.workflow_id])
    return Drawing(workflow.workflow_id, workflow.summary, round(right + MARGIN), bottom, boxes, ways, ran)


def _boxes(
    workflow_id: str,
    nodes: Sequence[Node],
    path: RunPath,
    straight: Mapping[int, tuple[Sequence[Edge], int]],
    jumps: Sequence[_Jump],
) -> tuple[list[Box], float]:
    """The nodes below one another, each as high as its ports need, and the height of it all."""
    boxes: list[Box] = []
    y: float = MARGIN
    for index, node in enumerate(nodes):
        ports = _ports(index, jumps)
        small = node.kind != "step"
        height = max(SMALL_HEIGHT if small else HEIGHT, len(ports) * PORT + 4)
        for number, (jump, end) in enumerate(ports):
            setattr(jump, end, y + height / 2 + (number - (len(ports) - 1) / 2) * PORT)
        boxes.append(_box(workflow_id, node, path, y, height))
        named = index in straight and _label(*straight[index])[0]
        y += height + (NAMED_GAP if named else GAP)
    return boxes, round(boxes[-1].y + boxes[-1].height + MARGIN)


def _ports(index: int, jumps: Sequence[_Jump]) -> list[tuple[_Jump, str]]:
    """The ends of jumps at a node, from top to bottom so that few lines cross: to and from above, loops, below."""
    found = [(jump.target, 0, jump, "start") for jump in jumps if jump.source == index]
    found += [(jump.source, 1, jump, "end") for jump in jumps if jump.target == index]
    found.sort(key=lambda port: port[:2])
    return [(jump, end) for _, _, jump, end in found]


def _box(workflow_id: str, node: Node, path: RunPath, y: float, height: float) -> Box:
    tally = path.tally(workflow_id, node)
    reached = any(
        edge.target == node.id and times for (workflow, edge), times in path.edges.items() if workflow == workflow_id
    )
    if tally is not None:
        state = tally.status
        told = f"{_times(tally.attempts, 'attempt')}, the last one {tally.status}, {duration(tally.duration)} together"
    elif node.kind == "start":
        state = "taken" if path.entered[workflow_id] else "untaken"
        told = "the workflow begins"
    else:
        state = "taken" if reached else "untaken"
        told = "reached" if reached else "not reached"
    return Box(
        x=MARGIN,
        y=y,
        width=WIDTH,
        height=height,
        kind=node.kind,
        state=state,
        label=cut(one_line(node.label), 22 if node.kind == "step" else 26),
        detail=cut(one_line(node.detail), 32),
        count=f"×{tally.attempts}" if tally is not None and tally.attempts > 1 else "",
        title=f"{node.label}{': ' + node.detail if node.detail else ''} — {told}",
        attempt=tally.last if tally is not None else None,
        step=node.label if node.kind == "step" else "",
    )


def _assign_lanes(jumps: Sequence[_Jump]) -> int:
    """Give each jump the innermost lane that is free along its way, short ones first; returns how many there are."""
    lanes: list[list[tuple[float, float]]] = []
    for jump in sorted(jumps, key=lambda jump: (abs(jump.end - jump.start), jump.start)):
        low, high = sorted((jump.start, jump.end))
        free = (n for n in count() if n == len(lanes) or all(high < a or low > b for a, b in lanes[n]))
        jump.lane = next(free)
        if jump.lane == len(lanes):
            lanes.append([])
        lanes[jump.lane].append((low - RADIUS, high + RADIUS))
    return len(lanes)


def _straight(upper: Box, lower: Box, group: Sequence[Edge], taken: int) -> Way:
    x, top, bottom = upper.x + upper.width / 2, upper.y + upper.height, lower.y
    label, title = _label(group, taken)
    return Way(
        line=f"M{x:g} {top:g}V{bottom - 5:g}",
        head=f"M{x - 4:g} {bottom - 7:g}L{x:g} {bottom:g}L{x + 4:g} {bottom - 7:g}Z",
        state="taken" if taken else "untaken",
        failure=group[0].failure,
        label=label,
        x=x + 10,
        y=(top + bottom) / 2 + 4,
        title=title,
    )


def _jump(jump: _Jump, lane: float) -> Way:
    x, start, end = MARGIN + WIDTH, jump.start, jump.end
    bend = RADIUS if end >= start else -RADIUS
    label, title = _label(jump.group, jump.taken)
    return Way(
        line=(
            f"M{x:g} {start:g}H{lane - RADIUS:g}Q{lane:g} {start:g} {lane:g} {start + bend:g}"
            f"V{end - bend:g}Q{lane:g} {end:g} {lane - RADIUS:g} {end:g}H{x + 5:g}"
        ),
        head=f"M{x + 7:g} {end - 4:g}L{x:g} {end:g}L{x + 7:g} {end + 4:g}Z",
        state="taken" if jump.taken else "untaken",
        failure=jump.group[0].failure,
        label=label,
        x=x + 10,
        y=start - 4,
        title=title,
    )


def _label(group: Sequence[Edge], taken: int) -> tuple[str, str]:
    """Return the label of a way, and all of it for its title."""
    names = " / ".join(edge.name for edge in group if edge.name)
    times = f" ×{taken}" if taken > 1 else ""
    short = one_line(names, LABEL - len(times)) + times if names else times.strip()
    after = "after a failure" if group[0].failure else "after a success"
    kinds = " / ".join(dict.fromkeys(edge.type for edge in group))
    told = f"{names or kinds} ({kinds}, {after})" if names else kinds
    return short, f"{told} — {'taken ' + _times(taken, 'time') if taken else 'not taken'}"


def _times(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
