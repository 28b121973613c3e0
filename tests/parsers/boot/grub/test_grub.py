from __future__ import annotations

import random
import subprocess

import pytest

from parsers.boot.grub import GrubConfig, parse_grub_config
from parsers.boot.grub.menu import choose
from parsers.boot.menu import MenuEntry
from parsers.place import Place
from tests.corpus import corpus
from tests.parsers.boot.grub.surroundings import Files, block

PATH = "/boot/grub/grub.cfg"

# What grub-mkconfig of Debian 12 writes for two kernels, without the decoration.
DEBIAN = """\
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${saved_entry}"
fi

if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi
export menuentry_id_option
if [ "${prev_saved_entry}" ]; then
  set saved_entry="${prev_saved_entry}"
  save_env saved_entry
  set prev_saved_entry=
  save_env prev_saved_entry
  set boot_once=true
fi
function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
    save_env saved_entry
  fi
}
function gfxmode {
  set gfxpayload="${1}"
}
menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-aaaa' {
  savedefault
  load_video
  gfxmode $linux_gfx_mode
  insmod gzio
  if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
  set root='hd0,msdos1'
  if [ x$feature_platform_search_hint = xy ]; then
    search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos1 --hint='hd0,msdos1'  aaaa
  else
    search --no-floppy --fs-uuid --set=root aaaa
  fi
  echo 'Loading Linux 6.1.0-50-amd64 ...'
  linux /boot/vmlinuz-6.1.0-50-amd64 root=UUID=aaaa ro  quiet
  echo 'Loading initial ramdisk ...'
  initrd /boot/ucode.img /boot/initrd.img-6.1.0-50-amd64
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-aaaa' {
  menuentry 'Debian GNU/Linux, with Linux 6.1.0-50-amd64' $menuentry_id_option 'gnulinux-50-aaaa' {
    search --no-floppy --fs-uuid --set=root aaaa
    linux /boot/vmlinuz-6.1.0-50-amd64 root=UUID=aaaa ro  quiet
    initrd /boot/initrd.img-6.1.0-50-amd64
  }
  menuentry 'Debian GNU/Linux, with Linux 6.1.0-49-amd64' $menuentry_id_option 'gnulinux-49-aaaa' {
    search --no-floppy --fs-uuid --set=root aaaa
    linux /boot/vmlinuz-6.1.0-49-amd64 root=UUID=aaaa ro  quiet
    initrd /boot/initrd.img-6.1.0-49-amd64
  }
}
menuentry "UEFI Firmware Settings" { fwsetup; }
if [ -f  ${config_directory}/custom.cfg ]; then
  source ${config_directory}/custom.cfg
elif [ -z "${config_directory}" -a -f  $prefix/custom.cfg ]; then
  source $prefix/custom.cfg
fi
"""


def parse(text: str, **remembered: str) -> GrubConfig:
    files = Files({"sda1": {"/boot/grub/grubenv": block(**remembered)}}, {("fs-uuid", "aaaa"): "sda1"})
    variables = {"root": "sda1", "prefix": "(sda1)/boot/grub"}
    return parse_grub_config(text, PATH, surroundings=files, variables=variables)


def kernel(config: GrubConfig) -> str | None:
    entry = config.default_entry
    return entry.linux.path if entry and entry.linux else None


def test_debian_boots_its_first_entry() -> None:
    config = parse(DEBIAN)
    assert config.problems == config.not_evaluated == config.assumptions == ()
    entry = config.default_entry
    assert entry is not None
    assert (entry.title, entry.id, entry.classes) == ("Debian GNU/Linux", "gnulinux-simple-aaaa", ("debian", "os"))
    assert entry.place == Place(PATH, line_of("menuentry 'Debian"))
    assert entry.linux is not None
    assert (entry.linux.place.line, entry.linux.device, entry.linux.path) == (
        line_of("linux /boot"),
        "sda1",
        "/boot/vmlinuz-6.1.0-50-amd64",
    )
    assert entry.linux.arguments == ("root=UUID=aaaa", "ro", "quiet")
    assert [(file.path, file.place.line) for file in entry.initrds] == [
        ("/boot/ucode.img", line_of("initrd /boot")),
        ("/boot/initrd.img-6.1.0-50-amd64", line_of("initrd /boot")),
    ]
    assert [(search.kind, search.value, search.device, search.place.line) for search in entry.searches] == [
        ("fs-uuid", "aaaa", "sda1", line_of("search --no-floppy --fs-uuid --set=root --hint"))
    ]
    assert [entry.title for entry in config.walk()][1:4] == [
        "Advanced options for Debian GNU/Linux",
        "Debian GNU/Linux, with Linux 6.1.0-50-amd64",
        "Debian GNU/Linux, with Linux 6.1.0-49-amd64",
    ]


def line_of(text: str) -> int:
    return DEBIAN[: DEBIAN.index(text)].count("\n") + 1


OLD = "/boot/vmlinuz-6.1.0-49-amd64"
NEW = "/boot/vmlinuz-6.1.0-50-amd64"


@pytest.mark.parametrize(
    ("saved", "path", "found"),
    [
        ("", NEW, False),
        ("0", NEW, True),
        ("1", NEW, True),  # the submenu, and its first entry
        ("1>1", OLD, True),
        ("1>Debian GNU/Linux, with Linux 6.1.0-49-amd64", OLD, True),
        ("gnulinux-advanced-aaaa>gnulinux-49-aaaa", OLD, True),
        ("Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.1.0-49-amd64", OLD, True),
        ("Debian GNU/Linux, with Linux 6.1.0-49-amd64", NEW, False),  # it is in the submenu
        ("1>7", NEW, False),
        ("7", NEW, False),
        ("nothing", NEW, False),
        ("2", None, True),
    ],
)
def test_the_default_entry_is_the_one_grub_takes(saved: str, path: str | None, found: bool) -> None:
    config = parse(DEBIAN, saved_entry=saved)
    assert (kernel(config), config.default_found) == (path, found)
    if saved:
        assert config.default_place == Place(PATH, line_of('set default="${saved'))


def test_next_entry_and_prev_saved_entry_go_before_saved_entry() -> None:
    assert kernel(parse(DEBIAN, saved_entry="0", next_entry="1>1")) == OLD
    assert parse(DEBIAN, saved_entry="0", prev_saved_entry="1").variable("saved_entry") == "1"


def test_a_name_may_hold_doubled_angle_brackets() -> None:
    entries = (MenuEntry(Place("x"), "a", "a"), MenuEntry(Place("x"), "b>c", "b>c"))
    assert choose(entries, "b>>c") == ((entries[1],), True)
    assert choose((), "0") == ((), True)


def test_the_stub_of_an_efi_system_partition_leads_to_the_menu() -> None:
    stub = "search.fs_uuid aaaa root hd0,gpt2 \nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"
    files = Files({"sda1": {}, "sda2": {"/boot/grub/grub.cfg": DEBIAN}}, {("fs-uuid", "aaaa"): "sda2"})
    config = parse_grub_config(stub, "/EFI/debian/grub.cfg", surroundings=files, variables={"root": "sda1"})
    assert config.files == ("/EFI/debian/grub.cfg", "/boot/grub/grub.cfg")
    assert config.default_entry is not None
    assert config.default_entry.place == Place("/boot/grub/grub.cfg", line_of("menuentry 'Debian"))
    assert config.variable("prefix") == "(sda2)/boot/grub"
    lost = parse_grub_config(stub, "/EFI/debian/grub.cfg", surroundings=Files({}), variables={"root": "sda1"})
    assert lost.entries == ()
    assert [search.device for search in lost.searches] == [None]
    assert [(include.file.path, include.found, include.file.place.line) for include in lost.includes] == [
        ("/boot/grub/grub.cfg", False, 3)
    ]


def test_a_search_that_fails_leaves_root_as_it_was() -> None:
    text = "menuentry a {\nset root='(hd0,msdos1)'\nsearch --no-floppy --set=root -u bbbb\nlinux /vmlinuz\n}\n"
    entry = parse(text).default_entry
    assert entry is not None
    assert entry.linux is not None
    assert entry.linux.device == "hd0,msdos1"
    assert entry.searches[0].device is None


def test_other_ways_of_searching() -> None:
    files = Files({"sda1": {"/vmlinuz": "k"}}, {("label", "boot"): "sda1", ("fs-uuid", "aaaa"): "sda1"})
    for command in (
        "search --label boot --set",
        "search -l boot -s",
        "search --file --no-floppy --set=root /vmlinuz",
        "search.file /vmlinuz",
        "search.fs_label boot root hd0",
        "search --fs-uuid --hint hd0,gpt1 --set=dev aaaa; root=$dev",
    ):
        config = parse_grub_config(f"{command}\nmenuentry a {{ linux /vmlinuz x }}\n", surroundings=files)
        entry = config.default_entry
        assert entry is not None
        assert entry.linux is not None
        assert entry.linux.device == "sda1", command
    assert parse_grub_config("search --set=root\n").problems != ()


def test_without_file_systems_the_assumptions_are_said() -> None:
    config = parse_grub_config(DEBIAN)
    assert kernel(config) == NEW
    assert [str(item) for item in config.assumptions][:1] == [
        f"{PATH}:1: no file system to ask: -s /grubenv is taken as false"
    ]
    assert config.default_entry is not None
    assert config.default_entry.linux is not None
    assert config.default_entry.linux.device == "fs-uuid:aaaa"


def test_words_quotes_and_variables() -> None:
    text = (
        'set a=\'x y\'\nset b="[$a]"\nmenuentry "t $a" --id=i extra {\n'
        '  linux /k "$a" $a ${a}z q\\ r \'$a\' "\\$a" $1 $2 $3 one\\\n  two\n}\n'
    )
    entry = parse(text).default_entry
    assert entry is not None
    assert (entry.title, entry.id) == ("t x y", "i")
    assert entry.linux is not None
    assert entry.linux.arguments == (
        "x y", "x", "y", "x", "yz", "q r", "$a", "$a", "t", "x", "y", "extra", "one", "two",
    )  # fmt: skip
    assert parse(text).variable("b") == "[x y]"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('[ "" ]', False), ("[ x ]", True), ("[ -z x ]", False), ('[ -n "" ]', False), ("[ a = a ]", True),
        ("[ a != a ]", False), ("[ ! a = a ]", False), ("! true", False), ("[ 3 -gt 12 ]", False),
        ("[ 3 -lt 12 ]", True),
        ("[ a3 -plt b12 ]", True), ("[ 010 -eq 10 ]", True), ("[ a '<' b ]", True),
        ("[ a = b -o c = c ]", True), ("[ a = a -a c = d ]", False), ("[ ( a = b ) -o ! ( c = d ) ]", True),
        ("[ -s $prefix/grubenv ]", True), ("[ -f $prefix/grubenv ]", True), ("[ -d $prefix ]", True),
        ("[ -e $prefix/none ]", False), ("[ -f $prefix ]", False), ("test x = x", True), ("[ x", False),
        ("false", False),
        ("keystatus --shift", False), ("nosuchcommand", False), ("[ -f /boot/grub/grubenv ]", True),
    ],
)  # fmt: skip
def test_conditions(condition: str, holds: bool) -> None:
    config = parse(f"if {condition}; then\nset r=yes\nelse\nset r=no\nfi\n")
    assert config.variable("r") == ("yes" if holds else "no")


def test_loops_functions_and_sources() -> None:
    files = Files({"sda1": {"/g/more.cfg": "set more=$x\nreturn\nset more=unreached\n"}})
    text = (
        "for i in 1 2 3 4; do if [ $i = 2 ]; then continue; fi; if [ $i = 4 ]; then break; fi; set n=$n$i; done\n"
        'function f { set got="$1-$2-$#"; return 1; set got=unreached; }\nif f a b; then set ok=1; else set ok=0; fi\n'
        "until [ x$u = xaaa ]; do u=a$u; done\nset x=7\nsource $prefix/more.cfg\n. $prefix/none.cfg\n"
        "eval 'set e=$x'\nunset x\n"
    )
    config = parse_grub_config(text, surroundings=files, variables={"prefix": "(sda1)/g"})
    wanted = {"n": "13", "got": "a-b-2", "ok": "0", "u": "aaa", "more": "7", "e": "7"}
    assert {name: config.variable(name) for name in wanted} == wanted
    assert config.variable("x") is None
    assert [include.found for include in config.includes] == [True, False]


def test_only_exported_variables_reach_a_submenu() -> None:
    text = "set a=1\nset b=2\nexport b\nsubmenu s {\n  menuentry e { linux /k a=$a b=$b }\n}\n"
    entry = parse(text).default_entry
    assert entry is not None
    assert entry.linux is not None
    assert entry.linux.arguments == ("a=", "b=2")


def test_what_is_not_evaluated_is_named() -> None:
    config = parse(
        "insmod blscfg\nblscfg\nregexp --set=1:v a b\nmenuentry w { chainloader (hd0,1)+1; multiboot /xen.gz x }\n"
    )
    assert config.blscfg == (Place(PATH, 2),)
    assert [str(item) for item in config.not_evaluated] == [f"{PATH}:3: the command 'regexp' is not evaluated"]
    assert config.default_entry is not None
    assert [(file.command, file.path) for file in config.default_entry.loaders] == [
        ("chainloader", "(hd0,1)+1"),
        ("multiboot", "/xen.gz"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "while true; do set a=1; done\n",
        "function f { f; }\nf\n",
        "set a=xxxxxxxxxxxxxxxx\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do set a=$a$a$a; done\n",
        "source /boot/grub/self.cfg\n",
        "configfile /boot/grub/self.cfg\n",
        "while true; do menuentry a { true }; done\n",
        'eval \'eval "eval \\"eval x\\""\'\nfunction g { eval g; }\ng\n',
        "submenu a { source /boot/grub/sub.cfg }\n",
    ],
)
def test_what_has_no_end_is_bounded(text: str) -> None:
    files = Files({"sda1": {"/boot/grub/self.cfg": text, "/boot/grub/sub.cfg": text}})
    config = parse_grub_config(text, surroundings=files, variables={"root": "sda1"})
    assert any("wanted" in problem.message for problem in config.problems)


# What Ubuntu's cloud images have beyond Debian's: recordfail, a start without an initramfs, vt_handoff.
UBUNTU = """\
if [ "${initrdfail}" = 2 ]; then
   set initrdfail=
elif [ "${initrdfail}" = 1 ]; then
   set next_entry="${prev_entry}"
   set prev_entry=
   save_env prev_entry
   if [ "${next_entry}" ]; then
      set initrdfail=2
   fi
fi
function recordfail {
  set recordfail=1
  if [ -n "${have_grubenv}" ]; then if [ -z "${boot_once}" ]; then save_env recordfail; fi; fi
}
if [ "${recordfail}" != 1 ]; then
  if [ -e ${prefix}/gfxblacklist.txt ]; then
    if [ ${grub_platform} != pc ]; then
      set linux_gfx_mode=keep
    elif hwmatch ${prefix}/gfxblacklist.txt 3; then
      if [ ${match} = 0 ]; then
        set linux_gfx_mode=keep
      else
        set linux_gfx_mode=text
      fi
    else
      set linux_gfx_mode=text
    fi
  else
    set linux_gfx_mode=keep
  fi
else
  set linux_gfx_mode=text
fi
export linux_gfx_mode
menuentry 'Ubuntu' --class ubuntu $menuentry_id_option 'gnulinux-simple-x' {
  recordfail
  gfxmode $linux_gfx_mode
  if [ "${initrdfail}" = 1 ]; then
    linux /boot/vmlinuz-5.15.0-1-kvm root=PARTUUID=p-1 ro console=ttyS0 $vt_handoff panic=-1
    initrd /boot/none
  else
    linux /boot/vmlinuz-5.15.0-1-kvm root=PARTUUID=p-1 ro console=ttyS0 $vt_handoff
    initrd /boot/initrd.img-5.15.0-1-kvm
  fi
  initrdfail
}
"""


@pytest.mark.parametrize(
    ("fail", "arguments"),
    [
        ("", ("root=PARTUUID=p-1", "ro", "console=ttyS0")),
        ("1", ("root=PARTUUID=p-1", "ro", "console=ttyS0", "panic=-1")),
    ],
)
def test_ubuntu_boots_with_or_without_its_initramfs(fail: str, arguments: tuple[str, ...]) -> None:
    config = parse(f"load_env\n{UBUNTU}", initrdfail=fail)
    assert config.default_entry is not None
    assert config.default_entry.linux is not None
    assert config.default_entry.linux.arguments == arguments
    assert config.variable("linux_gfx_mode") == "keep"
    assert [problem.message for problem in config.not_evaluated] == ["the command 'initrdfail' is not evaluated"]


@pytest.mark.corpus
def test_the_configuration_of_rhel_9_asks_for_blscfg() -> None:
    name = "known/configs/grub/in-grub_conf-RHEL9_UEFI_HOST_GRUB2_CFG"
    config = parse_grub_config(corpus(name).read_text())
    assert config.blscfg != ()
    assert config.entries == ()
    stub = parse_grub_config(corpus(name.replace("GRUB2_CFG", "EFI_GRUB_CFG")).read_text())
    assert [search.value for search in stub.searches] == ["5430c32f-3d13-477b-bb2b-13578b92bce8"]
    assert [(include.file.device, include.file.path) for include in stub.includes] == [
        ("fs-uuid:5430c32f-3d13-477b-bb2b-13578b92bce8", "/grub2/grub.cfg")
    ]


def test_damaged_configurations_end_without_an_error() -> None:
    chance = random.Random(11)
    for _ in range(300):
        characters = list(DEBIAN)
        for _ in range(chance.randrange(1, 20)):
            at = chance.randrange(len(characters))
            characters[at : at + chance.randrange(3)] = chance.choice(
                ["", "{", "}", "'", '"', "$", "\\", ";", "\n", "fi", ">"]
            )
        parse("".join(characters), saved_entry=chance.choice(["1>1", ">>>", "99999999999999999999"]))


KERNEL_LINES = ("linux /vmlinuz root=/dev/x", "initrd /initrd.img")


@pytest.mark.parametrize("stop", ["halt", "reboot"])
def test_what_stops_the_machine_boots_nothing(stop: str) -> None:
    for lines in ((stop, *KERNEL_LINES), (*KERNEL_LINES, stop)):
        entry = parse("menuentry A {\n" + "\n".join(lines) + "\n}\n").default_entry
        assert entry is not None
        assert (entry.linux, entry.initrds, [file.command for file in entry.loaders]) == (None, (), [stop])
    config = parse("menuentry A {\n" + "\n".join(KERNEL_LINES) + f"\n}}\n{stop}\nmenuentry B {{ true; }}\n")
    assert config.entries == ()
    assert config.problems[0].place == Place(PATH, 5)


@pytest.mark.parametrize(
    "lines",
    [KERNEL_LINES[::-1], ("linux16 /vmlinuz", "initrd /initrd.img"), ("linux /vmlinuz", "initrd16 /initrd.img")],
)
def test_an_initrd_needs_its_kernel_before_it(lines: tuple[str, ...]) -> None:
    config = parse("menuentry A {\n" + "\n".join(lines) + "\n}\n")
    entry = config.default_entry
    assert entry is not None
    assert entry.linux is not None
    assert entry.initrds == ()
    assert [problem.message for problem in config.problems] != []


def test_a_second_kernel_wants_its_initrd_again() -> None:
    entry = parse("menuentry A {\n" + "\n".join((*KERNEL_LINES, "linux /other")) + "\n}\n").default_entry
    assert entry is not None
    assert entry.linux is not None
    assert (entry.linux.path, entry.initrds) == ("/other", ())


def test_what_grub_mkconfig_writes_here_is_read() -> None:
    try:
        made = subprocess.run(["grub-mkconfig"], capture_output=True, text=True, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        pytest.skip("grub-mkconfig (grub-common) is absent: its output was not read")
    if "### BEGIN" not in made.stdout:
        pytest.skip("grub-mkconfig writes nothing here")
    config = parse_grub_config(made.stdout)
    assert config.problems == config.not_evaluated == ()
    assert config.variable("default") == "0"


def test_an_entry_for_the_firmware_boots_nothing() -> None:
    config = parse("if fwsetup --is-supported; then menuentry f { fwsetup; }; fi\n")
    assert config.default_entry is not None
    assert [file.command for file in config.default_entry.loaders] == ["fwsetup"]
