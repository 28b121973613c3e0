r"""How far the setup of Windows came: installed, generalised for copies, or stopped on the way.

Source: Microsoft's documentation, "Windows Setup States" (the values of ImageState) and "Windows Setup Automation
Overview"; the value GeneralizationState is the one that Cloudbase-Init waits for to become 7.
"""

from __future__ import annotations

import re
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from inspector.windows.image_state import GENERALISED, image_state
from inspector.windows.registry import SETUP, Registry

_SYSPREP: Final = rf"{SETUP}\Status\SysprepStatus"
_COMPLETE: Final = "IMAGE_STATE_COMPLETE"
_AUDIT: Final = frozenset({"IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT", "IMAGE_STATE_SPECIALIZE_RESEAL_TO_AUDIT"})
_STOPPED: Final = "IMAGE_STATE_UNDEPLOYABLE"
_WELCOME: Final = "IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE"
_READY: Final = 7
_UNTIL_FIRST_START: Final = frozenset({3, 4})
"""What Sysprep leaves in a generalised image, until a copy has asked its first questions (OOBE)."""
_SETUP_PROGRAM: Final = re.compile(r'(?i)"?(?:[^"\s]*\\)?(?:windeploy|setup|oobe)\.exe"?(?:\s.*)?')


@rule("windows-image-can-be-deployed", "The setup of Windows was finished, or prepared for the copies", "windows")
def windows_image_can_be_deployed(facts: Facts) -> Verdict:
    r"""The state that Setup wrote down last.

    Why: a Windows that was switched off in the middle of Setup or of Sysprep does not start, or starts with the message
    that the installation cannot proceed. One that waits with its first questions asks them in each copy.

    Fix: where audit mode or first questions wait, start Windows, end them, and run
    `sysprep /generalize /oobe /shutdown` or shut it down; where the setup stopped on its way
    (IMAGE_STATE_UNDEPLOYABLE), Microsoft says that Windows is to be installed anew.

    Reads: SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State

    References: Microsoft, Windows Setup States; Alibaba Cloud, Detect custom images and repair (GUESTOS.Sysprep).
    """
    state, evidence = image_state(facts[Registry])
    if state in (_COMPLETE, GENERALISED):
        return ok("the setup is finished" if state == _COMPLETE else "the image is generalised", evidence)
    if state in _AUDIT:
        return warning("Windows starts in audit mode, not with the user's account", evidence)
    if state == _WELCOME:
        return warning("Windows was made this machine's already, and asks its first questions (OOBE)", evidence)
    if state == _STOPPED:
        return failed("the setup stopped on its way", evidence)
    return warning("a state of the setup that is not known", evidence)


@rule("windows-image-is-generalised", "The image was generalised: each copy becomes a machine of its own", "windows")
def windows_image_is_generalised(facts: Facts) -> Verdict:
    r"""Sysprep's state.

    Why: copies of an image that was not generalised share the machine's security identifier, its name and its ids at
    update and licence servers.

    Fix: run `sysprep /generalize /oobe /shutdown` and take the image before Windows starts again.

    Reads: SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State

    References: Microsoft, Sysprep (Generalize) a Windows installation.
    """
    state, evidence = image_state(facts[Registry])
    return ok("generalised", evidence) if state == GENERALISED else failed("not generalised", evidence)


@rule("windows-setup-is-not-under-way", "Windows starts its system, not its setup", "windows")
def windows_setup_is_not_under_way(facts: Facts) -> Verdict:
    r"""In a generalised image Setup runs at the next start, in any other it does not.

    Why: where Setup is to run and the image is not prepared for it, Windows asks for an installation medium, or starts
    again and again.

    Fix: start Windows and let Setup come to its end; where it cannot, set SystemSetupInProgress and SetupType to 0 and
    empty CmdLine.

    Reads: SYSTEM\Setup, SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State

    References: Microsoft, Windows Setup Automation Overview; Windows Setup States.
    """
    registry = facts[Registry]
    state, said = image_state(registry)
    if registry.key(SETUP) is None:
        raise UnknownFact("whether Setup is to run is not told", registry.place(SETUP))
    names = ("SystemSetupInProgress", "SetupType")
    running, kind = numbers = [registry.number(SETUP, name) for name in names]
    program = registry.text(SETUP, "CmdLine") or ""
    evidence = [
        Evidence(registry.place(SETUP, name), "not set" if number is None else str(number))
        for name, number in zip(names, numbers, strict=True)
    ]
    if state == _COMPLETE and (running or kind):
        return failed("Setup is to run, though it was finished", *evidence, said)
    if state == GENERALISED and not (running or kind):
        return warning("the image is generalised, and Setup is not to run at the next start", *evidence, said)
    if (running or kind) and not _SETUP_PROGRAM.fullmatch(program):
        line = Evidence(registry.place(SETUP, "CmdLine"), program or "empty")
        return warning("another program is to run instead of Setup", line, *evidence)
    return ok("Windows starts its system" if state == _COMPLETE else "Setup runs at the next start", *evidence, said)


@rule("windows-sysprep-was-not-interrupted", "Sysprep, where it ran, came to its end", "windows")
def windows_sysprep_was_not_interrupted(facts: Facts) -> Verdict:
    r"""The state that Sysprep keeps of its own work.

    Why: Cloudbase-Init waits for the state 7, and for ever where Sysprep was interrupted; a second Sysprep refuses to
    run. In a generalised image the state is 3 or 4 until its copy has started.

    Fix: set GeneralizationState to 7 and CleanupState to 2, and run Sysprep again.

    Reads: SYSTEM\Setup\Status\SysprepStatus

    References: Cloudbase-Init, its source (osutils/windows.py, wait_for_boot_completion), which logs the 3 of copies
    that have not ended their first start; logs of windeploy.exe, which begins a copy's first start from 4; two real
    hives, which have 7. Microsoft documents none of the numbers.
    """
    registry = facts[Registry]
    number = registry.number(_SYSPREP, "GeneralizationState")
    place = registry.place(_SYSPREP, "GeneralizationState")
    if number is None:
        raise NotApplicable("Sysprep did not run")
    evidence = Evidence(place, str(number))
    if number == _READY:
        return ok("Sysprep is ready to run, or has run to its end", evidence)
    state, said = image_state(registry)
    if state == GENERALISED and number in _UNTIL_FIRST_START:
        return ok("Sysprep has generalised the image, and the first start ends its work", evidence, said)
    if state == GENERALISED:
        return warning("the image is generalised, but Sysprep's own state is another", evidence, said)
    return failed("Sysprep was interrupted", evidence, said)


RULES = (
    windows_image_can_be_deployed,
    windows_image_is_generalised,
    windows_setup_is_not_under_way,
    windows_sysprep_was_not_interrupted,
)
