from __future__ import annotations

from parsers.boot.default_grub import parse_default_grub
from parsers.place import Place


def test_debians_own_file() -> None:
    text = (
        "# If you change this file\nGRUB_DEFAULT=0\nGRUB_TIMEOUT=5\n"
        "GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n"
        'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n#GRUB_TERMINAL=console\n'
    )
    settings = parse_default_grub(text)
    assert [(a.name, a.value, a.known, a.place.line) for a in settings.assignments] == [
        ("GRUB_DEFAULT", "0", True, 2),
        ("GRUB_TIMEOUT", "5", True, 3),
        ("GRUB_DISTRIBUTOR", "", False, 4),
        ("GRUB_CMDLINE_LINUX_DEFAULT", "quiet", True, 5),
        ("GRUB_CMDLINE_LINUX", "", True, 6),
    ]


def test_later_files_build_upon_earlier_ones() -> None:
    first = parse_default_grub('GRUB_CMDLINE_LINUX="a"\n')
    second = parse_default_grub('GRUB_CMDLINE_LINUX+=" b"\n', "/d/1.cfg", first)
    assert second.value("GRUB_CMDLINE_LINUX") == "a b"
    assert [item.place for item in second.assignments] == [Place("/etc/default/grub", 1), Place("/d/1.cfg", 1)]
