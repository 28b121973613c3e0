"""OpenRC: the runlevels of a boot, those that they hold, and what their services need."""

from __future__ import annotations

from typing import Any

from fixtures.files import Dir, Link
from inspector.facts.services import Enablement
from inspector.linux.openrc import OpenRc
from parsers.place import Place
from tests.memory_tree import guest_of

SCRIPT = "#!/sbin/openrc-run\n"
INITTAB = "::sysinit:/sbin/openrc sysinit\n::sysinit:/sbin/openrc boot\n::wait:/sbin/openrc default\n"
INITTAB += "::shutdown:/sbin/openrc shutdown\ntty1::respawn:/sbin/getty 38400 tty1\n"


def openrc(files: dict[str, Any], *arguments: str) -> OpenRc:
    return OpenRc(guest_of({"/etc/init.d/a": SCRIPT, "/etc/init.d/b": SCRIPT, **files}), arguments)


def link(level: str, name: str) -> dict[str, Any]:
    return {f"/etc/runlevels/{level}/{name}": Link(f"/etc/init.d/{name}")}


def test_the_runlevels_are_those_that_inittab_runs() -> None:
    assert openrc({"/etc/inittab": INITTAB}).levels == ("sysinit", "boot", "default")
    assert openrc({}).levels == ("sysinit", "boot", "default")
    gentoo = "id:3:initdefault:\nsi::sysinit:/sbin/openrc sysinit\nrc::bootwait:/sbin/openrc boot\n"
    gentoo += "l1:1:wait:/sbin/openrc single\nl3:3:wait:/sbin/openrc default\nl5:5:wait:/sbin/openrc desktop\n"
    assert openrc({"/etc/inittab": gentoo}).levels == ("sysinit", "boot", "default")
    assert openrc({"/etc/inittab": gentoo.replace("id:3", "id:5")}).levels == ("sysinit", "boot", "desktop")


def test_a_runlevel_that_the_boot_does_not_enter_starts_nothing() -> None:
    assert openrc(link("default", "a")).state("a.service").place == Place("/etc/runlevels/default/a")
    other = openrc(link("nonetwork", "a")).state("a.service")
    assert (other.enabled, other.place) == (False, Place("/etc/init.d/a"))
    assert "nonetwork" in other.reason
    assert openrc(link("nonetwork", "a"), "softlevel=nonetwork").state("a.service").enabled
    assert not openrc({**link("default", "a"), "/etc/runlevels/x": Dir()}, "softlevel=x").state("a.service").enabled
    assert openrc(link("default", "a"), "softlevel=gone").state("a.service").enabled


def test_runlevels_may_hold_runlevels_and_circles_end() -> None:
    files = {
        **link("net", "a"),
        "/etc/runlevels/default/net": Link("../net"),
        "/etc/runlevels/net/d": Link("../default"),
    }
    assert openrc(files).state("a.service").enabled


def test_what_a_service_needs_is_started_with_it() -> None:
    files = {**link("default", "a"), "/etc/init.d/a": SCRIPT + "depend() {\n\tneed localmount b\n}\n"}
    found = openrc(files).state("b.service")
    assert (found.state, found.enabled, found.place) == (Enablement.INDIRECT, True, Place("/etc/init.d/a"))
    assert not openrc({**files, "/etc/init.d/a": SCRIPT + "depend() {\n\tuse b\n\t# need b\n}\n"}).state("b").enabled
    by_settings = openrc({**link("default", "a"), "/etc/conf.d/a": 'rc_need="b"\n'}).state("b.service")
    assert (by_settings.enabled, by_settings.place) == (True, Place("/etc/conf.d/a"))


def test_a_service_that_is_not_there() -> None:
    assert not openrc({**link("default", "gone")}).state("gone.service").installed


NET = {"/etc/init.d/networking": SCRIPT + "depend() {\n\tprovide net\n}\n"}


def test_what_provides_a_needed_name_is_started_where_nothing_else_does() -> None:
    needs = {**NET, **link("default", "a"), "/etc/init.d/a": SCRIPT + "depend() {\n\tneed net\n}\n"}
    found = openrc(needs).state("networking")
    assert (found.enabled, found.place, "net" in found.reason) == (True, Place("/etc/init.d/a"), True)
    other = {**needs, "/etc/init.d/wpa": SCRIPT + "depend() {\n\tprovide net\n}\n", **link("boot", "wpa")}
    assert not openrc(other).state("networking").enabled
    assert not openrc({**needs, "/etc/init.d/networking": SCRIPT}).state("networking").enabled


def test_what_a_script_needs_only_if_something_holds_is_not_counted_on() -> None:
    nested = SCRIPT + 'depend() {\n\tif [ -n "$x" ] ; then\n\t\tneed b\n\tfi\n\tfor i in 1; do\n\t\tneed b\n\tdone\n}\n'
    assert not openrc({**link("default", "a"), "/etc/init.d/a": nested}).state("b.service").enabled
    after = nested.replace("}\n", "\tif true; then :; fi\n\tneed b\n}\n")
    assert openrc({**link("default", "a"), "/etc/init.d/a": after}).state("b.service").enabled
