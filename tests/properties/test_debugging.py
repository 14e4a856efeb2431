"""Whatever is typed while a run is held: it is carried out or refused in words, and no secret shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from io import StringIO

from hypothesis import given, settings
from hypothesis import strategies as st

from arazzo_runner.cli.driving.debug_console import DebugConsole
from tests.support.debugging import held
from tests.support.runs import SECRET, failing, polling

COMMANDS = """\
n|s|o|c|ba|ba 2|fo|fo 2|br poll|br :failed|br poll:answer if $statusCode > 1|br if $inputs.name|de|de 1|w|di|l|h||next!
s!
p $inputs|p $response.body|p $steps.create.outputs.id|p $x|p a b|p $response.body#/state == 'running'|p $url
p $request.header.Authorization|set $inputs.name 5|set $inputs.name "z"|set $inputs.apiToken abc|edit x|frobnicate
set $steps.create.outputs.id q|set $steps.poll.outputs.state r|answer 200 {"state":"running"}|answer 503
answer 404 text"""


class Typed:
    """A person who types commands, and says yes to every second question."""

    is_script = False

    def __init__(self, commands: Sequence[str]) -> None:
        self._commands: Iterator[str] = iter(commands)
        self._asked = 0

    def read(self, prompt: str) -> str | None:
        return next(self._commands, None)

    def confirms(self, question: str) -> bool:
        self._asked += 1
        return self._asked % 2 == 0


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([polling(1), polling(3), failing()]),
    st.lists(st.sampled_from(COMMANDS.replace("\n", "|").split("|")), max_size=25),
    st.sampled_from([1, 3, 256]),
)
def test_every_command_is_carried_out_or_refused(case: dict[str, object], typed: list[str], room: int) -> None:
    debugger, _ = held(case, room=room)
    with redirect_stdout(StringIO()) as printed:
        assert DebugConsole(debugger, Typed(typed)).run() in (0, 1)
    debugger.close()
    assert SECRET not in printed.getvalue()
