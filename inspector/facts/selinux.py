"""SELinux in the guest: its configuration, the policies that are installed, a pending relabel."""

from __future__ import annotations

import msgspec

from parsers.linux.selinux import SelinuxConfig


class Selinux(msgspec.Struct, frozen=True):
    """What decides over SELinux at boot, kernel arguments aside.

    Attributes:
        config: /etc/selinux/config; None where the guest has none, which leaves SELinux without a policy.
        policies: the policies of which a compiled file is there ("targeted").
        relabel: whether /.autorelabel asks for new labels at the next boot.
    """

    config: SelinuxConfig | None
    policies: tuple[str, ...] = ()
    relabel: bool = False
