r"""Answer files of Windows Setup that are left on the system drive, and the secrets in them.

Source: Microsoft's documentation, "Windows Setup Automation Overview" (where Setup and Sysprep look for answer files,
and where they keep a copy) and "Answer files (unattend.xml)".
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, unknown, warning
from inspector.windows.registry import SETUP, Registry
from parsers.place import ParseError
from parsers.windows.unattend import MAX_SIZE, SecretState, Unattend, parse_unattend

_FOLDERS: Final = (
    "",
    r"\Windows\Panther",
    r"\Windows\Panther\Unattend",
    r"\Windows\System32\Sysprep",
    r"\Windows\System32\Sysprep\Panther",
)
_READABLE: Final = frozenset({SecretState.PLAIN, SecretState.ENCODED})
_SHOWN: Final = 16


@rule("windows-answer-files-hold-no-secret", "No answer file of Setup keeps a password", "windows")
def windows_answer_files_hold_no_secret(facts: Facts) -> Verdict:
    r"""Passwords, product keys and keys of networks in the answer files where Setup looks for them; encoded ones too.

    What Setup has deleted (`*SENSITIVE*DATA*DELETED*`) is no secret. What stands in a file is never shown.

    Why: everybody who gets a copy of the image can read the password, and the copies mostly keep it.

    Fix: delete the file that is named, or empty the value there, and change the password.

    Reads: files named *unattend*.xml in C:\, C:\Windows\Panther, C:\Windows\System32\Sysprep, and the one that
    SYSTEM\Setup\UnattendFile names

    References: Microsoft, Windows Setup Automation Overview, "Implicit Answer File Search Order".
    """
    guest = facts[Guest]
    good: list[Evidence] = []
    secret: list[Evidence] = []
    unread: list[Evidence] = []
    for path in _answer_files(facts):
        try:
            found = parse_unattend(guest.read_bytes(path, MAX_SIZE), path)
        except NotFound:
            continue
        except (UnknownFact, ParseError) as error:
            unread.append(Evidence(guest.place(path), str(error)))
            continue
        unread += [Evidence(guest.place(path, item.place.line), item.message) for item in found.problems]
        named = list(_secrets(guest, path, found))
        secret += named
        if not named and not found.problems:
            good.append(Evidence(guest.place(path), "an answer file without secrets"))
    if secret:
        return warning("an answer file keeps a secret", *islice((*secret, *unread), _SHOWN))
    if unread:
        return unknown("an answer file could not be read to its end", *unread[:_SHOWN])
    return ok("no answer file keeps a secret", *good[:_SHOWN] or [Evidence(guest.place(_FOLDERS[1]), "no answer file")])


def _answer_files(facts: Facts) -> Iterator[str]:
    """Give the paths of the answer files, each once."""
    guest = facts[Guest]
    seen: set[str] = set()
    for folder in _FOLDERS:
        try:
            entries = guest.listdir(folder or "\\")
        except NotFound:
            continue
        for entry in entries:
            path = rf"{folder}\{entry.name}"
            if "unattend" in entry.name.lower() and entry.name.lower().endswith(".xml") and guest.is_file(path):
                seen.add(guest.written(path).lower())
                yield path
    named = facts[Registry].text(SETUP, "UnattendFile")
    if named and guest.written(named).lower() not in seen:
        yield named


def _secrets(guest: Guest, path: str, found: Unattend) -> Iterator[Evidence]:
    for item in found.secrets:
        if item.state in _READABLE:
            yield Evidence(guest.place(path, item.place.line), f"{item.name}: {item.state}")


RULES = (windows_answer_files_hold_no_secret,)
