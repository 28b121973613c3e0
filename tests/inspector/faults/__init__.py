"""The table of faults, by subject."""

from __future__ import annotations

from typing import Final

from tests.inspector.faults.access import ACCESS_FAULTS
from tests.inspector.faults.agents import AGENT_FAULTS
from tests.inspector.faults.boot_chain import BOOT_FAULTS, DRIVERS, GRUB_FAULTS
from tests.inspector.faults.configuration import ACCOUNTS, CLOUD_INIT, FSTAB, NETWORK, OTHERS, SSH
from tests.inspector.faults.copies import COPIES

FAULTS: Final = (
    *FSTAB, *GRUB_FAULTS, *BOOT_FAULTS, *DRIVERS, *NETWORK, *CLOUD_INIT, *ACCOUNTS, *SSH, *OTHERS, *ACCESS_FAULTS,
    *COPIES, *AGENT_FAULTS,
)  # fmt: skip
