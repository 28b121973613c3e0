"""What holds for every test."""

from __future__ import annotations

import os

# The command's default, auto, starts a virtual machine where libguestfs is installed and an image holds what our own
# readers do not know: a test that wants that asks for it.
os.environ["INSPECTOR_BACKEND"] = "native"
