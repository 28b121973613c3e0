"""What volumes are made of: LVM2 groups, md arrays, LUKS headers."""

from __future__ import annotations
