"""Completion scripts of shells. Each asks with the line up to the cursor and reads ``type<TAB>value<TAB>help`` lines.

Types are ``file`` and ``dir``, which the shell completes itself, ``plain``, and ``open``, which no space follows.
"""

from __future__ import annotations

import os
from typing import ClassVar

from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    _resolve_context,
    _resolve_incomplete,
    add_completion_class,
    split_arg_string,
)

COMPLETE = "_ARAZZO_COMPLETE"
"""The variable in which a shell asks what a word can become."""

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' line kind value open=
    local -a paths
    COMPREPLY=()
    for line in $(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
            %(complete_var)s=bash_complete "$1"); do
        kind=${line%%%%$'\\t'*}
        value=${line#*$'\\t'}
        value=${value%%%%$'\\t'*}
        case $kind in
            file) paths+=($(compgen -f -- "$value")) ;;
            dir) paths+=($(compgen -d -- "$value")) ;;
            open) open=1; COMPREPLY+=("$value") ;;
            *) COMPREPLY+=("$value") ;;
        esac
    done
    # What is a file's name would have its = quoted.
    [[ -n $open ]] && compopt -o nospace
    [[ -z $open && ${#paths[@]} -gt 0 ]] && compopt -o filenames
    COMPREPLY+=("${paths[@]}")
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s
%(complete_func)s() {
    local line kind value help files dirs
    local -a parts plain open
    for line in "${(@f)$(COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" %(complete_var)s=zsh_complete $words[1])}"; do
        parts=("${(@ps:\\t:)line}")
        value=${parts[2]//:/\\\\:} help=$parts[3]
        case $parts[1] in
            file) files=1 ;;
            dir) dirs=1 ;;
            open) open+=("$value${help:+:$help}") ;;
            plain) plain+=("$value${help:+:$help}") ;;
        esac
    done
    (( $#open )) && _describe -V '' open -S ''
    (( $#plain )) && _describe -V '' plain
    [[ -n $files ]] && _files
    [[ -n $dirs ]] && _files -/
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    set -l line (commandline -cp)
    for answer in (env COMP_LINE="$line" %(complete_var)s=fish_complete %(prog_name)s)
        test -n "$answer"; or continue
        set -l parts (string split -m 2 \\t -- $answer)
        switch $parts[1]
            case file
                __fish_complete_path $parts[2]
            case dir
                __fish_complete_directories $parts[2]
            case '*'
                printf '%%s\\t%%s\\n' $parts[2] "$parts[3]"
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($word, $ast, $cursor)
    $text = $ast.ToString()
    $length = [Math]::Max($cursor - $ast.Extent.StartOffset, 0)
    $env:COMP_LINE = $text.PadRight($length).Substring(0, $length)
    $env:%(complete_var)s = 'powershell_complete'
    try {
        foreach ($line in (& %(prog_name)s)) {
            if (-not $line) { continue }
            $kind, $value, $help = $line -split "`t", 3
            if ($kind -in 'file', 'dir') {
                [System.Management.Automation.CompletionCompleters]::CompleteFilename($value) |
                    Where-Object { $kind -eq 'file' -or $_.ResultType -eq 'ProviderContainer' }
            } else {
                $told = if ($help) { $help } else { $value }
                [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $told)
            }
        }
    } finally {
        Remove-Item Env:COMP_LINE, Env:%(complete_var)s
    }
}
"""


class LineCompletion(ShellComplete):
    """A shell that asks with the line up to the cursor."""

    breaks: ClassVar[str] = ""
    """Characters at which the shell begins a new word, beside spaces."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one at the cursor, and that one as far as it is typed."""
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)
        self._incomplete = "" if not line or line[-1].isspace() else words.pop()
        return words[1:], self._incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Whole words, also where an option and its value are one: ``--server=…``."""
        # An option that waits for its value would keep the words before it from being told apart.
        whole_args = args[:-1] if args and args[-1].startswith("-") else args
        context = _resolve_context(self.cli, self.ctx_args, self.prog_name, whole_args)
        asked, rest = _resolve_incomplete(context, args, incomplete)
        found = asked.shell_complete(context, rest)
        option, equals, _ = incomplete.partition("=")
        if not (equals and option.startswith("--")):
            return found
        from arazzo_runner.cli.given.completions import paths_behind

        whole = []
        for item in found:
            if item.type in ("file", "dir"):
                whole += paths_behind(f"{option}=", item.value)
            else:
                whole.append(CompletionItem(f"{option}={item.value}", type=item.type, help=item.help))
        return whole

    def format_completion(self, item: CompletionItem) -> str:
        """A line of the answer."""
        from arazzo_runner.reports.text import one_line

        value = item.value[self._before(item.value) :]
        return "\t".join((item.type, value, one_line(item.help or "", 80)))

    def _before(self, value: str) -> int:
        """Count the characters that the shell has taken for words of their own, and does not want again."""
        if not value.startswith(self._incomplete[: len(value)]):
            return 0
        return max((self._incomplete.rfind(one) + 1 for one in self.breaks), default=0)


class Bash(LineCompletion):
    """bash, which breaks words at ``=`` and more."""

    name = "bash"
    source_template = _BASH

    @property
    def breaks(self) -> str:  # type: ignore[override]  # the shell says which
        """The characters that the user's shell is set to."""
        found = os.environ.get("COMP_WORDBREAKS", "=:@")
        return "".join(one for one in found if not one.isspace() and one not in "\"'")


class Zsh(LineCompletion):
    """zsh."""

    name = "zsh"
    source_template = _ZSH


class Fish(LineCompletion):
    """fish."""

    name = "fish"
    source_template = _FISH


class PowerShell(LineCompletion):
    """PowerShell 7, and Windows PowerShell 5."""

    name = "powershell"
    source_template = _POWERSHELL


SHELLS: dict[str, type[LineCompletion]] = {one.name: one for one in (Bash, Zsh, Fish, PowerShell)}


def use_our_shells() -> None:
    """Let click answer these shells as their scripts here ask."""
    for shell in SHELLS.values():
        add_completion_class(shell)
