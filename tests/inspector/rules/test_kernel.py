from __future__ import annotations

import pytest

from fixtures.files import Node
from fixtures.golden import KERNEL
from fixtures.kernel import bzimage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel, Kernels
from inspector.rules.kernel import default_kernel_is_complete, dracut_devices_exist
from inspector.verdict import NotApplicable, Status, Verdict
from tests.inspector.boots import (
    CFG,
    INITRD,
    INITRD_LINE,
    LINUX_LINE,
    MODULES,
    OTHER_UUID,
    VMLINUZ,
    arguments,
    changed,
    facts,
)
from tests.volumes import volume_of


def places(verdict: Verdict) -> list[str]:
    return [f"{e.place.path}:{e.place.line}" if e.place.line else e.place.path for e in verdict.evidence]


def test_the_golden_guest_is_ok() -> None:
    verdict = default_kernel_is_complete(facts())
    assert verdict.status is Status.OK
    assert KERNEL in verdict.message
    assert places(verdict) == [f"{CFG}:{LINUX_LINE}", MODULES]


def test_missing_pieces_are_found_at_their_places() -> None:
    faults: tuple[tuple[dict[str, Node | None], str], ...] = (
        ({VMLINUZ: None}, f"{CFG}:{LINUX_LINE}"),
        ({INITRD: None}, f"{CFG}:{INITRD_LINE}"),
        ({MODULES: None}, MODULES),
        ({VMLINUZ: bzimage("6.1.0-77-other")}, "/usr/lib/modules/6.1.0-77-other"),
    )
    for change, place in faults:
        verdict = default_kernel_is_complete(facts(change))
        assert verdict.status is Status.FAILED, change
        assert place in places(verdict)


def test_an_empty_directory_of_modules_is_none() -> None:
    verdict = default_kernel_is_complete(facts({MODULES: None, f"{MODULES}/note": "x"}))
    assert verdict.status is Status.FAILED


def test_the_advised_fix_makes_it_ok() -> None:
    # the package of the other kernel installed, with its modules
    files: dict[str, Node | None] = {
        VMLINUZ: bzimage("6.1.0-77-other"),
        "/usr/lib/modules/6.1.0-77-other/modules.dep": "",
    }
    assert default_kernel_is_complete(facts(files)).status is Status.OK


def test_a_kernel_without_an_initramfs_or_a_version_is_not_ok() -> None:
    without = default_kernel_is_complete(facts(changed(CFG, f"initrd\t/boot/initrd.img-{KERNEL}", "true")))
    assert without.status is Status.WARNING
    unnamed: dict[str, Node | None] = {
        **changed(CFG, f"/boot/vmlinuz-{KERNEL}", "/boot/k"),
        "/boot/k": b"MZ\0\0zimg" + bytes(999),
    }
    assert default_kernel_is_complete(facts(unnamed)).status is Status.FAILED


def test_unknown_is_never_ok() -> None:
    reason = UnknownFact("no root file system")
    verdict = default_kernel_is_complete(Facts({DefaultKernel: reason, Kernels: reason}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    nothing = default_kernel_is_complete(facts({CFG: None}))
    assert (nothing.status, nothing.known) == (Status.WARNING, False)
    assert CFG in places(nothing)


def test_the_volumes_that_dracut_waits_for() -> None:
    with pytest.raises(NotApplicable):
        dracut_devices_exist(facts())
    change = arguments(f"rd.lvm.lv=vg/root rd.luks.uuid=luks-{OTHER_UUID}")
    missing = dracut_devices_exist(facts(change))
    assert missing.status is Status.FAILED
    assert [item.seen for item in missing.evidence] == ["rd.lvm.lv=vg/root", f"rd.luks.uuid=luks-{OTHER_UUID}"]
    assert set(places(missing)) == {f"{CFG}:{LINUX_LINE}"}
    luks = volume_of(None, 2, "crypto_LUKS", uuid=OTHER_UUID, reason="crypto_LUKS is not read so far")
    unknown = dracut_devices_exist(facts(change, luks))
    assert (unknown.status, unknown.known) == (Status.WARNING, False)
    # the argument of the missing volume taken out
    assert dracut_devices_exist(facts(arguments(f"rd.luks.uuid=luks-{OTHER_UUID}"), luks)).status is Status.OK
    lost = dracut_devices_exist(Facts({DefaultKernel: UnknownFact("no root file system")}))
    assert (lost.status, lost.known) == (Status.WARNING, False)
