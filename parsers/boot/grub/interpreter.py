"""Runs the statements of a GRUB script: control flow, and the commands that matter to what is booted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from parsers.boot.grub.blscfg import bls_entries
from parsers.boot.grub.commands import FAIL, LOADERS, SEARCH_COMMANDS, SUCCEED, entry_options, search_options
from parsers.boot.grub.condition import BadCondition, evaluate
from parsers.boot.grub.location import locate, mount_subvolume
from parsers.boot.grub.state import Jump, Leave, Limits, Notes, Pending, Replaced, Scope, Surroundings
from parsers.boot.grub.syntax import Command, For, Function, If, Script, While, parse_script
from parsers.boot.grubenv import parse_grubenv
from parsers.boot.menu import Include, LoadedFile, Search
from parsers.place import Place

_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


class Interpreter:
    """Runs scripts in a `Scope`; what it notices goes to `notes`, what it spends comes off `limits`."""

    def __init__(self, surroundings: Surroundings | None, limits: Limits, notes: Notes) -> None:
        self._surroundings = surroundings
        self._limits = limits
        self._notes = notes

    def run_text(self, text: str, path: str, scope: Scope) -> None:
        """Run a whole file."""
        script, problems = parse_script(text, path)
        self._notes.problems.extend(problems)
        self._limits.calls = 0
        try:
            self._run(script, path, scope)
        except (Leave, Jump):
            return

    def run_entry(self, pending: Pending, scope: Scope) -> None:
        """Run the body of a menu entry."""
        self._limits.calls = 0
        try:
            self._run(pending.block, pending.place.path, scope)
        except (Leave, Jump):
            return

    # -- control flow

    def _run(self, script: Script, path: str, scope: Scope) -> bool:
        self._limits.call(+1)
        for statement in script:
            self._limits.step()
            match statement:
                case Command():
                    scope.status = self._command(statement, path, scope)
                case If():
                    self._if(statement, path, scope)
                case For():
                    self._for(statement, path, scope)
                case While():
                    self._while(statement, path, scope)
                case Function():
                    scope.functions[statement.name] = (path, statement)
        self._limits.call(-1)
        return scope.status

    def _if(self, statement: If, path: str, scope: Scope) -> None:
        for condition, body in statement.branches:
            if self._run(condition, path, scope):
                self._run(body, path, scope)
                return
        scope.status = True
        self._run(statement.otherwise, path, scope)

    def _for(self, statement: For, path: str, scope: Scope) -> None:
        for value in scope.expand(statement.words, self._limits):
            self._limits.step()
            scope.variables[statement.name] = value
            if not self._body(statement.body, path, scope):
                return

    def _while(self, statement: While, path: str, scope: Scope) -> None:
        while self._run(statement.condition, path, scope) is not statement.until:
            self._limits.step()
            if not self._body(statement.body, path, scope):
                return

    def _body(self, body: Script, path: str, scope: Scope) -> bool:
        """Run the body of a loop; tell whether the loop goes on."""
        depth = self._limits.calls
        try:
            self._run(body, path, scope)
        except Jump as jump:
            self._limits.calls = depth
            if jump.levels > 1:
                raise Jump(again=jump.again, levels=jump.levels - 1) from None
            return jump.again
        return True

    def _call(self, name: str, arguments: list[str], scope: Scope) -> bool:
        path, function = scope.functions[name]
        outer, scope.arguments = scope.arguments, arguments
        depth = self._limits.calls
        try:
            self._run(function.body, path, scope)
        except Leave:
            self._limits.calls = depth
        finally:
            scope.arguments = outer
        return scope.status

    # -- commands

    def _command(self, command: Command, path: str, scope: Scope) -> bool:
        words = scope.expand(command.words, self._limits)
        negate = False
        while words[:1] == ["!"]:
            words, negate = words[1:], not negate
        if not words:
            return not negate
        place = Place(path, command.line)
        return self._dispatch(words[0], words[1:], command, place, scope) is not negate

    def _dispatch(self, name: str, arguments: list[str], command: Command, place: Place, scope: Scope) -> bool:
        if name in scope.functions:
            return self._call(name, arguments, scope)
        if handler := self._HANDLERS.get(name):
            return handler(self, name, arguments, place, scope)
        if name in {"menuentry", "submenu"}:
            return self._menuentry(name, arguments, command.block, place, scope)
        if name in SUCCEED or name in FAIL:
            return name in SUCCEED
        if _ASSIGNMENT.fullmatch(name):
            return self._set(name, [name], place, scope)
        self._notes.add(self._notes.not_evaluated, place, f"the command {name[:60]!r} is not evaluated")
        return False

    def _set(self, _name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        match = _ASSIGNMENT.fullmatch(arguments[0]) if arguments else None
        if match is None:
            return not arguments
        name, value = match.groups()
        if name == "root" and value.startswith("(") and value.endswith(")"):
            value = value[1:-1]
        scope.variables[name] = value
        scope.places[name] = place
        return True

    def _increment(self, name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        if not arguments:
            return False
        value = scope.value(arguments[0])
        number = int(value) if _NUMBER.fullmatch(value) else 0
        scope.variables[arguments[0]] = str(number + (1 if name == "increment" else -1))
        scope.places[arguments[0]] = place
        return True

    def _unset(self, _name: str, arguments: list[str], _place: Place, scope: Scope) -> bool:
        for variable in arguments:
            scope.variables.pop(variable, None)
            scope.places.pop(variable, None)
        return True

    def _export(self, _name: str, arguments: list[str], _place: Place, scope: Scope) -> bool:
        scope.exported.update(arguments)
        return True

    def _setparams(self, _name: str, arguments: list[str], _place: Place, scope: Scope) -> bool:
        scope.arguments = arguments
        return True

    def _shift(self, _name: str, arguments: list[str], _place: Place, scope: Scope) -> bool:
        count = _count(arguments)
        if count > len(scope.arguments):
            return False
        scope.arguments = scope.arguments[count:]
        return True

    def _leave(self, _name: str, arguments: list[str], _place: Place, scope: Scope) -> bool:
        if arguments:
            scope.status = _count(arguments) == 0
        raise Leave

    def _jump(self, name: str, arguments: list[str], _place: Place, _scope: Scope) -> bool:
        raise Jump(again=name == "continue", levels=max(_count(arguments), 1))

    def _eval(self, _name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        script, problems = parse_script(" ".join(arguments), place.path)
        for problem in problems:
            self._notes.add(self._notes.problems, place, problem.message)
        return self._run(script, place.path, scope)

    def _test(self, name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        if name == "[":
            if arguments[-1:] != ["]"]:
                self._notes.add(self._notes.problems, place, "closing ] wanted")
                return False
            arguments = arguments[:-1]
        try:
            return evaluate(arguments, lambda operator, file: self._file_test(operator, file, place, scope))
        except BadCondition as bad:
            self._notes.add(self._notes.problems, place, str(bad))
            return False

    def _file_test(self, operator: str, file: str, place: Place, scope: Scope) -> bool:
        if self._surroundings is None:
            message = f"no file system to ask: {operator} {file} is taken as false"
            self._notes.add(self._notes.assumptions, place, message)
            return False
        located = locate(file, scope, self._surroundings)
        size = self._surroundings.size(*located) if located else None
        if size is None:
            return False
        return {"-d": size < 0, "-f": size >= 0, "-s": size > 0}.get(operator, True)

    def _search(self, name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        wanted = search_options(name, arguments)
        if wanted is None:
            self._notes.add(self._notes.problems, place, "what to search for wanted, nothing found")
            return False
        kind, value, variable = wanted
        device = self._surroundings.search(kind, value) if self._surroundings else f"{kind}:{value}"
        scope.searches.append(Search(place, kind, value, variable, device))
        if device is None:
            return False
        if variable:
            scope.variables[variable] = device
        return True

    def _load_env(self, _name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        path, wanted = f"{scope.value('prefix')}/grubenv", set[str]()
        rest = iter(arguments)
        for argument in rest:
            option, _, value = argument.partition("=")
            if option in {"--file", "-f"}:
                path = value or next(rest, "")
            elif not argument.startswith("-"):
                wanted.add(argument)
        found = self._read(path, place, scope)
        if found is None:
            return False
        block = parse_grubenv(*found)
        if not block.valid:
            self._notes.problems.extend(block.problems[:1])
            return False
        for variable in block.variables:
            if not wanted or variable.name in wanted:
                scope.variables[variable.name] = variable.value
                scope.places[variable.name] = variable.place
        return True

    def _read(self, path: str, place: Place, scope: Scope) -> tuple[str, str] | None:
        if self._surroundings is None:
            self._notes.add(self._notes.assumptions, place, f"no file system to ask: {path} is taken as absent")
            return None
        located = locate(path, scope, self._surroundings)
        return self._surroundings.read(*located) if located else None

    def _source(self, name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        found = self._include(name, arguments[:1], place, scope)
        if found is None:
            return False
        text, path = found
        self._notes.files.append(path)
        script, problems = parse_script(text, path)
        self._notes.problems.extend(problems)
        depth = self._limits.calls
        try:
            return self._run(script, path, scope)
        except Leave:
            self._limits.calls = depth
            return scope.status

    def _configfile(self, name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        default = [f"{scope.value('prefix')}/grub.cfg"] if name == "normal" else []
        found = self._include(name, arguments[:1] or default, place, scope)
        if found is None or scope.in_entry:
            return found is not None
        text, path = found
        inner = scope.entered((), submenu=True)
        inner.in_entry = False
        inner.functions = {}
        file = (arguments or default)[0]
        file = file if file.startswith("(") else f"({scope.value('root')}){file}"
        inner.variables |= {"config_file": file, "config_directory": file.rpartition("/")[0]}
        raise Replaced(text, path, inner)

    def _include(self, name: str, files: list[str], place: Place, scope: Scope) -> tuple[str, str] | None:
        self._limits.file()
        located = locate(files[0], scope, self._surroundings) if files else None
        if located is None:
            self._notes.add(self._notes.problems, place, f"a file wanted after {name}, {' '.join(files)!r} found")
            return None
        found = self._read(files[0], place, scope)
        scope.includes.append(Include(LoadedFile(place, name, *located), found is not None))
        return found

    def _mount_subvolume(self, _name: str, arguments: list[str], _place: Place, scope: Scope) -> bool:
        return mount_subvolume(arguments, scope)

    def _blscfg(self, _name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        if place not in self._notes.blscfg:
            self._notes.blscfg.append(place)
        if self._surroundings is None:
            self._notes.add(self._notes.assumptions, place, "no file system to ask: blscfg is taken to find no entry")
            return True
        entries, problems = bls_entries(arguments, self._surroundings, scope)
        for problem in problems:
            self._notes.add(self._notes.problems, problem.place, problem.message)
        for entry in entries:
            self._limits.entry()
            scope.entries.append(entry)
        return True

    # -- what is booted

    def _menuentry(self, name: str, arguments: list[str], block: Script | None, place: Place, scope: Scope) -> bool:
        self._limits.entry()
        words, options, classes = entry_options(arguments)
        if not words or block is None:
            wanted = "a block in braces" if words else "a title"
            self._notes.add(self._notes.problems, place, f"{wanted} wanted after {name}")
            return False
        scope.entries.append(Pending(place, tuple(words), options, tuple(classes), block, name == "submenu"))
        return True

    def _linux(self, name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        file = self._file(name, arguments[:1], tuple(arguments[1:]), place, scope)
        if file is None:
            return False
        scope.linux, scope.initrds = file, []  # a kernel that is loaded takes the place of all that was loaded before
        return True

    def _initrd(self, name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        kernel = scope.linux
        if kernel is None or kernel.command.endswith("16") is not name.endswith("16"):
            self._notes.add(self._notes.problems, place, f"a kernel loaded before {name} wanted, none found")
            return False
        files = [self._file(name, [argument], (), place, scope) for argument in arguments]
        scope.initrds = [file for file in files if file]
        return bool(files) and None not in files

    def _loader(self, name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        paths = [argument for argument in arguments if not argument.startswith("-")]
        if paths and re.fullmatch(r"(\([^()]*\))?\+\d+|\([^()]*\)", paths[0]):  # a block list: chainloader (hd0)+1
            scope.loaders.append(LoadedFile(place, name, None, paths[0]))
            return True
        file = self._file(name, paths[:1], tuple(paths[1:]), place, scope)
        scope.loaders += [file] if file else []
        return file is not None

    def _stop(self, name: str, arguments: list[str], place: Place, scope: Scope) -> bool:
        """The machine goes off or starts anew: what was loaded, or stands in the menu, is never booted."""
        if arguments == ["--is-supported"]:  # of fwsetup, a question
            return True
        scope.linux, scope.initrds, scope.loaders = None, [], []
        if scope.in_entry:
            scope.loaders.append(LoadedFile(place, name, None, ""))
        else:
            scope.entries.clear()
            self._notes.add(self._notes.problems, place, f"{name} before the menu is shown")
        raise Leave

    def _file(
        self, name: str, paths: list[str], arguments: tuple[str, ...], place: Place, scope: Scope
    ) -> LoadedFile | None:
        located = locate(paths[0], scope, self._surroundings) if paths else None
        if located is None:
            self._notes.add(self._notes.problems, place, f"a file wanted after {name}, {' '.join(paths)!r} found")
            return None
        return LoadedFile(place, name, *located, arguments)

    _HANDLERS: Final[Mapping[str, Callable[[Interpreter, str, list[str], Place, Scope], bool]]] = {
        **dict.fromkeys(("[", "test"), _test),
        **dict.fromkeys(("source", ".", "extract_entries_source"), _source),
        **dict.fromkeys(("configfile", "normal", "extract_entries_configfile"), _configfile),
        **dict.fromkeys(("linux", "linux16", "linuxefi"), _linux),
        **dict.fromkeys(("initrd", "initrd16", "initrdefi"), _initrd),
        **dict.fromkeys(SEARCH_COMMANDS, _search),
        **dict.fromkeys(("return", "exit", "normal_exit"), _leave),
        **dict.fromkeys(("break", "continue"), _jump),
        **dict.fromkeys(LOADERS, _loader),
        **dict.fromkeys(("halt", "reboot", "fwsetup"), _stop),
        **dict.fromkeys(("increment", "decrement"), _increment),
        "blscfg": _blscfg,
        "btrfs-mount-subvol": _mount_subvolume,
        "eval": _eval,
        "export": _export,
        "load_env": _load_env,
        "set": _set,
        "setparams": _setparams,
        "shift": _shift,
        "unset": _unset,
    }


def _count(arguments: list[str]) -> int:
    return int(arguments[0][:9]) if arguments and arguments[0].isascii() and arguments[0].isdigit() else 1
