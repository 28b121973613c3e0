"""Device setup classes without whose devices an instance does not work.

Source: Microsoft, "System-Defined Device Setup Classes Available to Vendors" and "... Reserved for System Use".
"""

from __future__ import annotations

from typing import Final

CLASSES: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Class"
DISKS: Final = "{4d36e967-e325-11ce-bfc1-08002be10318}"
VOLUMES: Final = "{71a27cdd-812a-11d0-bec7-08002be2092f}"
STORAGE: Final = "{4d36e97b-e325-11ce-bfc1-08002be10318}"
IDE: Final = "{4d36e96a-e325-11ce-bfc1-08002be10318}"
CARDS: Final = "{4d36e972-e325-11ce-bfc1-08002be10318}"
SYSTEM: Final = "{4d36e97d-e325-11ce-bfc1-08002be10318}"
TITLES: Final = {
    DISKS: "disk drives",
    VOLUMES: "volumes",
    STORAGE: "storage controllers",
    IDE: "IDE controllers",
    CARDS: "network cards",
    SYSTEM: "devices of the system",
}
