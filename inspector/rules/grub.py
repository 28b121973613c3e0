"""The boot loader: its menu leads to a kernel, and the kernel's arguments lead to the guest's root.

The rules keep the name of GRUB, which the vendor's check has; they judge the menu of whichever loader decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.boot.kernel_arguments import is_doubtful, is_hazard
from inspector.boot.menus import ROOT_TYPES
from inspector.disks.device import is_kernel_name, resolve
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootConfig, BootMenu, DefaultKernel
from inspector.facts.platform import BootModes, Loader
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from parsers.boot.default_grub import Assignment, DefaultGrub
from parsers.boot.menu import Search
from parsers.place import Place

_ENDS: Final = frozenset({"halt", "reboot", "fwsetup"})
_PATIENCE: Final = 300
"""Seconds; longer than that no cloud waits for an instance to come up."""
_LINES: Final = ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
_MADE_BY_MKCONFIG: Final = ("root=", "rootflags=subvol=", "vt.handoff=", "init=")


def _menu(facts: Facts) -> BootMenu:
    """The menu of the default kernel. Where there is none at all, one rule says so, and the others do not concern."""
    boot = facts[BootConfig]
    if not boot.menus and not boot.others:
        raise NotApplicable("there is no configuration of a boot loader")
    return boot.menu


def _default_kernel(facts: Facts) -> DefaultKernel:
    _menu(facts)
    return facts[DefaultKernel]


@rule("grub-config-exists", "Each boot loader finds a configuration that comes to a menu")
def grub_config_exists(facts: Facts) -> Verdict:
    """The small grub.cfg of a vendor on the EFI system partition must lead to the one in /boot.

    Menus of GRUB 2, GRUB Legacy, systemd-boot and Syslinux are read, and unified kernel images.

    Why: without a menu GRUB stops at its prompt, and the instance never boots.

    Fix: run `grub-install` and `update-grub` (`grub2-mkconfig -o /boot/grub2/grub.cfg`) in the guest; with
    systemd-boot `kernel-install add`, with EXTLINUX `update-extlinux`.
    Reads: /boot/grub/grub.cfg, /boot/grub2/grub.cfg, EFI/*/grub.cfg of the EFI system partition, loader/entries,
    loader/loader.conf, EFI/Linux/*.efi, /boot/grub/menu.lst, grub.conf, extlinux.conf, syslinux.cfg.
    References: GRUB manual "Configuration"; grub-mkconfig(8), loader.conf(5)
    """
    boot = facts[BootConfig]
    if not boot.menus:
        if boot.others:
            raise UnknownFact(f"{boot.others[0].path} is of a boot loader that is not read", *boot.others)
        return failed(
            "there is no configuration of a boot loader", *(Evidence(place, "it is not there") for place in boot.sought)
        )
    rivals = boot.rivals
    decided = [Evidence(boot.decided.place, boot.decided.seen)] if boot.decided else []
    if boot.decided and not rivals:
        others = (Evidence(menu.start, f"the configuration of {menu.loader}") for menu in boot.menus)
        return failed(f"{boot.decided.loader} decides, but has no configuration", *decided, *others)
    lost = [menu for menu in rivals if not menu.leads_somewhere]
    evidence = [item for menu in lost for item in _why_lost(menu)]
    if len(lost) == len(rivals) or (lost and _all_of_uefi(rivals, lost) and _mode(facts) in {"uefi", "both"}):
        return failed(f"a configuration of {lost[0].loader} comes to no menu", *evidence)
    if lost:
        return warning(f"a configuration of {lost[0].loader} that may not be used comes to no menu", *evidence)
    seen = [Evidence(menu.start, f"entries in its menu: {len(menu.entries)}") for menu in rivals]
    return ok(f"the configuration of {boot.menu.loader} comes to a menu", *seen, *decided)


def _all_of_uefi(menus: tuple[BootMenu, ...], lost: list[BootMenu]) -> bool:
    stubs = [menu for menu in menus if menu.firmware == "uefi"]
    return bool(stubs) and all(menu in lost for menu in stubs)


def _mode(facts: Facts) -> str | None:
    try:
        return facts[BootModes].mode
    except UnknownFact:
        return "none"


def _why_lost(menu: BootMenu) -> Iterator[Evidence]:
    for search in menu.searches:
        if search.device is None:
            yield Evidence(search.place, _sought(search))
    yield from menu.lost
    yield Evidence(menu.start, "no menu entries")


def _sought(search: Search) -> str:
    return f"no volume of the image has the {search.kind} {search.value}"


@rule("grub-config-parses", "The boot loader can read its configuration")
def grub_config_parses(facts: Facts) -> Verdict:
    """What the loader passes over is a warning; whether a menu is left is another rule.

    Why: GRUB passes over a statement that it cannot read, be it the entry that was to boot; so do other loaders.

    Fix: correct the file in /etc/grub.d that the broken part comes from, and run `update-grub`
    (`grub2-mkconfig -o /boot/grub2/grub.cfg`); with other loaders correct the line that is named.
    Reads: grub.cfg and what it includes, loader/entries/*.conf, loader.conf, menu.lst, extlinux.conf.
    References: GRUB manual "Writing full configuration files directly"; grub-script-check(1)
    """
    menus = facts[BootConfig].rivals
    if not menus:
        raise NotApplicable("there is no configuration of the boot loader")
    problems = [problem for menu in menus for problem in menu.problems]
    if problems:
        evidence = map(Evidence.of, problems)
        return warning(f"places of its configuration that {menus[0].loader} stumbles over: {len(problems)}", *evidence)
    questions = [problem for menu in menus for problem in menu.not_evaluated]
    if questions:
        evidence = map(Evidence.of, questions)
        return unknown(f"commands of the configuration that are not evaluated: {len(questions)}", *evidence)
    return ok(
        f"the configuration of {menus[0].loader} can be read", *(Evidence(menu.start, "no errors") for menu in menus)
    )


@rule("grub-default-entry-exists", "The entry that the boot loader is to boot by default is in its menu")
def grub_default_entry_exists(facts: Facts) -> Verdict:
    """Why: where the default names nothing, the first entry boots, which may be another kernel or system.

    Fix: correct GRUB_DEFAULT in /etc/default/grub and run `update-grub`, or run `grub-set-default`
    (`grubby --set-default`); with systemd-boot correct `default` in loader.conf; with Syslinux correct DEFAULT.
    Reads: grub.cfg, grubenv, loader.conf, menu.lst, extlinux.conf.
    References: GRUB manual "Simple configuration"; loader.conf(5)
    """
    menu = _menu(facts)
    entry, default = menu.entry, menu.default
    here = Evidence(default.place, f"default={default.named or ''}")
    if entry is None:
        what = "the default leads to a submenu without entries" if menu.chosen else "no entry boots by default"
        return failed(what, Evidence(menu.start, f"default={default.named or ''}"))
    if not default.found and default.named:
        return warning(f"the default names no entry; {menu.title!r} boots", here, Evidence(entry.place, menu.title))
    if ends := [file for file in entry.loaders if file.command in _ENDS]:
        return failed(f"{menu.title!r} boots nothing", *(Evidence(file.place, file.command) for file in ends))
    if entry.linux is None:
        loads = ", ".join(f"{file.command} {file.path}" for file in entry.loaders) or "nothing"
        return unknown(f"the default entry loads no Linux kernel but {loads}", Evidence(entry.place, menu.title))
    chosen = [here] if default.named else []
    return ok(f"{menu.title!r} boots by default", *chosen, Evidence(entry.place, menu.title))


@rule("grub-searches-resolve", "Every file system that GRUB searches for on the way to the kernel is in the image")
def grub_searches_resolve(facts: Facts) -> Verdict:
    """A search outside of the default entry (for a font, say) is a warning.

    Why: GRUB stops with an error, or goes on with whatever device it was at before.

    Fix: run `update-grub` (`grub2-mkconfig -o /boot/grub2/grub.cfg`) in the guest, so that the UUIDs of its own file
    systems are written; correct the UUID in the small grub.cfg of the EFI system partition by hand.
    Reads: grub.cfg, the volumes of the image.
    References: GRUB manual "search"
    """
    menus = facts[BootConfig].rivals
    if not menus:
        raise NotApplicable("there is no configuration of the boot loader")
    entry_searches = [search for menu in menus for step in menu.chosen for search in step.searches]
    others = [search for menu in menus for search in menu.searches]
    lost = [search for search in entry_searches if search.device is None]
    if lost:
        return failed("a file system that the default entry searches for is not in the image", *_searches(lost))
    if lost := [search for search in others if search.device is None]:
        return warning("a file system that GRUB searches for is not in the image", *_searches(lost))
    found = dict.fromkeys(search for search in (*entry_searches, *others) if search.device)
    if not found:
        raise NotApplicable(f"{menus[0].loader} searches for no file system")
    return ok("every file system that GRUB searches for is in the image",
              *(Evidence(search.place, f"{search.value} is {search.device}") for search in found))  # fmt: skip


def _searches(searches: list[Search]) -> Iterator[Evidence]:
    return (Evidence(search.place, _sought(search)) for search in dict.fromkeys(searches))


@rule("grub-boot-files-exist", "The kernel and the initial RAM disk of the default entry exist")
def grub_boot_files_exist(facts: Facts) -> Verdict:
    """Why: the boot loader reports the file that it does not find, and does not boot.

    Fix: reinstall the kernel's package, make its initial RAM disk anew (`update-initramfs -u`, `dracut -f`,
    `mkinitcpio -P`, `mkinitfs`), and run `update-grub`, or on Alpine `update-extlinux`, which also copies its menu.
    Reads: the default entry, the files that it names.
    References: GRUB manual "linux" and "initrd"
    """
    kernel = _default_kernel(facts)
    files = (kernel.image, *kernel.initramfs)
    missing = [file for file in files if not file.exists]
    unmet = kernel.menu.unmet if kernel.menu else ()
    if missing or unmet:
        evidence = (Evidence(file.place, f"{file.named} is not there") for file in missing)
        count = len(missing) + len(unmet)
        return failed(f"{count} of the files that the default entry loads are not there", *evidence, *unmet)
    if empty := [file for file in files if not file.size]:
        return failed(
            "a file that the default entry loads is empty",
            *(Evidence(f.file_place, f"{f.named} is empty") for f in empty),
        )
    return ok("the files of the default entry exist", *(Evidence(file.place, file.named) for file in files))


@rule("grub-root-resolves", "root= names the root file system by something that stays the same")
def grub_root_resolves(facts: Facts) -> Verdict:
    """A name such as /dev/sda1 is not accepted: the cloud's disks have other names.

    Why: the kernel finds no root file system and stops, or the initial RAM disk waits and drops to a shell.

    Fix: leave GRUB_DISABLE_LINUX_UUID unset, take `root=` out of /etc/default/grub, and run `update-grub`
    (`grub2-mkconfig -o /boot/grub2/grub.cfg`), so that the root is named by its UUID; with Red Hat run
    `grubby --update-kernel=ALL --args=root=UUID=...`; on Alpine correct `root` in /etc/update-extlinux.conf and run
    `update-extlinux`; with systemd-boot correct the entry, with unified kernel images /etc/kernel/cmdline.
    Reads: the kernel arguments of the default entry, the volumes of the image.
    References: bootparam(7), kernel-command-line(7)
    """
    kernel = _default_kernel(facts)
    spec = kernel.value("root")
    root = facts[Guest].mount_of("/").volume
    if not spec:
        here = Evidence(kernel.place, " ".join(kernel.arguments))
        if root and root.partition and root.partition.type in ROOT_TYPES and kernel.menu and _is_systemd(kernel.menu):
            seen = Evidence(Place(root.name, offset=root.offset), "a partition with the type of a root")
            return unknown("whether the initial RAM disk finds the root by its type is not known", here, seen)
        return failed("root= wanted among the kernel arguments", here)
    here = Evidence(kernel.place, f"root={spec}")
    if is_kernel_name(spec):
        return failed("a UUID or a label wanted in root=, the name of a device found", here)
    volume = resolve(spec, facts[Storage].volumes)
    if volume is None:
        return failed(f"root={spec} is not in the image", here)
    if root is not None and root is not volume:
        return failed(f"root={spec} is {volume.name}, but the system lies on {root.name}", here)
    return ok(f"root={spec} is {volume.name}", here)


def _is_systemd(menu: BootMenu) -> bool:
    """Whether the loader tells systemd its partition, without which systemd looks for no root by its type."""
    return menu.loader in {Loader.SYSTEMD_BOOT, Loader.UKI}


@rule("grub-boots-the-system", "The kernel arguments start the system, not a shell")
def grub_boots_the_system(facts: Facts) -> Verdict:
    """Why: an instance that boots into a rescue shell has no network, and nobody can log in.

    Fix: take the argument out of GRUB_CMDLINE_LINUX in /etc/default/grub, choose another GRUB_DEFAULT if it is a
    recovery entry, and run `update-grub` (`grub2-mkconfig -o /boot/grub2/grub.cfg`); with Red Hat run
    `grubby --update-kernel=ALL --remove-args=` with it; on Alpine take it out of default_kernel_opts in
    /etc/update-extlinux.conf and run `update-extlinux`; with unified kernel images out of /etc/kernel/cmdline.
    Reads: the kernel arguments of the default entry.
    References: bootparam(7), kernel-command-line(7)
    """
    kernel = _default_kernel(facts)
    guest = facts[Guest]
    bad = [argument for argument in kernel.arguments if is_hazard(argument, guest)]
    if bad:
        return failed("the kernel arguments do not start the system", *(Evidence(kernel.place, word) for word in bad))
    if doubtful := [argument for argument in kernel.arguments if is_doubtful(argument, guest)]:
        seen = (Evidence(kernel.place, word) for word in doubtful)
        return unknown("whether the kernel arguments start the system is not known", *seen)
    return ok("the kernel arguments start the system", Evidence(kernel.place, " ".join(kernel.arguments)))


@rule("grub-boots-unattended", "The boot loader boots the default entry without anybody at the keyboard")
def grub_boots_unattended(facts: Facts) -> Verdict:
    """The timeout must end, and the default entry must not want a password.

    Why: an instance that waits at the menu never comes up; few clouds give access to it.

    Fix: set `GRUB_TIMEOUT=5` in /etc/default/grub; where passwords are set, give the entry `--unrestricted` in
    /etc/grub.d/10_linux; run `update-grub` (`grub2-mkconfig -o /boot/grub2/grub.cfg`). With GRUB Legacy write
    `timeout=5`, with Syslinux `TIMEOUT 50`, with systemd-boot `timeout 5`.
    Reads: grub.cfg, menu.lst, extlinux.conf, loader.conf.
    References: GRUB manual "timeout" and "Authentication and authorisation"
    """
    menu = _menu(facts)
    wait = menu.wait
    if wait.seconds is None:
        return failed(f"{menu.loader} waits at its menu without end", wait.seen)
    if wait.seconds > _PATIENCE:
        return warning(f"{menu.loader} waits at its menu for more than {_PATIENCE} s", wait.seen)
    locked = [step for step in menu.chosen if not step.unrestricted]
    if menu.password and locked:
        entries = (Evidence(step.place, step.title) for step in locked)
        return failed(f"{menu.loader} wants a password before it boots", *entries, menu.password)
    return ok(f"{menu.loader} boots after {wait.seconds:g} s", wait.seen)


@rule("grub-resume-device-exists", "The device that resume= names is in the image")
def grub_resume_device_exists(facts: Facts) -> Verdict:
    """Why: the initial RAM disk waits for the device, half a minute or longer, at each boot.

    Fix: take `resume=` out of /etc/default/grub, set `RESUME=none` in /etc/initramfs-tools/conf.d/resume, and run
    `update-grub`, `update-initramfs -u`; with Red Hat `grubby --update-kernel=ALL --remove-args=resume`, `dracut -f`.
    Reads: the kernel arguments of the default entry, the volumes of the image.
    References: Linux kernel, Documentation/power/swsusp.rst
    """
    kernel = _default_kernel(facts)
    spec = kernel.value("resume")
    if not spec or spec == "none" or kernel.has("noresume"):
        raise NotApplicable("no resume= among the kernel arguments")
    here = Evidence(kernel.place, f"resume={spec}")
    if is_kernel_name(spec):
        return warning("a UUID wanted in resume=, the name of a device found", here)
    volume = resolve(spec, facts[Storage].volumes)
    if volume is None:
        return warning(f"resume={spec} is not in the image", here)
    return ok(f"resume={spec} is {volume.name}", here)


@rule("grub-menus-agree", "Every menu that may be the one boots the same kernel with the same arguments")
def grub_menus_agree(facts: Facts) -> Verdict:
    """Menus of another loader count where the boot code does not tell which loader decides.

    Why: which of them is used depends on the firmware, so that the instance may boot otherwise than expected.

    Fix: remove the configuration that is left over, or let it lead to the other one with `configfile`.
    Reads: each grub.cfg, loader/entries, menu.lst, extlinux.conf, the boot code.
    References: GRUB manual "configfile"
    """
    menus = [menu for menu in facts[BootConfig].rivals if menu.leads_somewhere]
    if len(menus) < 2:
        raise NotApplicable("there is one menu")
    loads = {
        (menu.entry.linux.path, menu.entry.linux.arguments) if menu.entry and menu.entry.linux else None
        for menu in menus
    }
    evidence = [Evidence(menu.entry.place if menu.entry else menu.start, _loads(menu)) for menu in menus]
    if len(loads) > 1:
        return warning("menus disagree", *evidence)
    return ok(f"{len(menus)} menus agree", *evidence)


def _loads(menu: BootMenu) -> str:
    linux = menu.entry.linux if menu.entry else None
    return f"{linux.path} {' '.join(linux.arguments)}" if linux else "no Linux kernel"


@rule("grub-settings-are-applied", "The default entry has the arguments that /etc/default/grub sets")
def grub_settings_are_applied(facts: Facts) -> Verdict:
    """Both ways: what is set but not in effect, and what is in effect but will be lost.

    Why: the next update of a kernel writes grub.cfg anew, and the instance boots with other arguments.

    Fix: write the arguments that are wanted into GRUB_CMDLINE_LINUX of /etc/default/grub, and run `update-grub`
    (`grub2-mkconfig -o /boot/grub2/grub.cfg`); Red Hat's entries are changed by `grubby --update-kernel=ALL --args=`.
    Reads: /etc/default/grub, /etc/default/grub.d/*.cfg, the default entry.
    References: GRUB manual "Simple configuration"; grub-mkconfig(8)
    """
    settings = facts[BootConfig].settings
    if settings is None or _menu(facts).loader != Loader.GRUB2:
        raise NotApplicable("there is no /etc/default/grub, or GRUB 2 does not decide")
    lines = [line for line in map(settings.get, _LINES) if line]
    if unclear := [line for line in lines if not line.known]:
        return unknown("a command decides over the kernel arguments", *map(_assigned, unclear))
    if bad := _device_names(settings):
        return warning("/etc/default/grub will bring names of devices into grub.cfg", *map(_assigned, bad))
    kernel = _default_kernel(facts)
    wanted = [word for line in lines for word in line.value.split() if not word.startswith("$")]
    absent = [word for word in wanted if word not in kernel.arguments]
    extra = [
        word
        for word in kernel.arguments
        if word not in wanted and word not in {"ro", "rw"} and not word.startswith(_MADE_BY_MKCONFIG)
    ]
    if absent or extra:
        found = [f"{word} is set but not in effect" for word in absent] + [
            f"{word} is in effect but not set" for word in extra
        ]
        return warning(
            "grub.cfg does not say what /etc/default/grub says",
            Evidence(kernel.place, "; ".join(found)),
            *map(_assigned, lines),
        )
    return ok(
        "grub.cfg says what /etc/default/grub says",
        Evidence(kernel.place, " ".join(kernel.arguments)),
        *map(_assigned, lines),
    )


def _assigned(line: Assignment) -> Evidence:
    return Evidence(line.place, f"{line.name}={line.value}")


def _device_names(settings: DefaultGrub) -> list[Assignment]:
    bad = [line for name in _LINES if (line := settings.get(name)) and any(map(_names_device, line.value.split()))]
    disable = settings.get("GRUB_DISABLE_LINUX_UUID")
    return [*bad, disable] if disable and disable.value == "true" else bad


def _names_device(word: str) -> bool:
    key, _, value = word.partition("=")
    return key in {"root", "resume"} and is_kernel_name(value)


RULES = (
    grub_config_exists,
    grub_config_parses,
    grub_default_entry_exists,
    grub_searches_resolve,
    grub_boot_files_exist,
    grub_root_resolves,
    grub_boots_the_system,
    grub_boots_unattended,
    grub_resume_device_exists,
    grub_menus_agree,
    grub_settings_are_applied,
)
