"""What holds for every test."""

from __future__ import annotations

import os
import signal

# The command's default, auto, starts a virtual machine where libguestfs is installed and an image holds what our own
# readers do not know: a test that wants that asks for it.
os.environ["INSPECTOR_BACKEND"] = "native"

# A shell starts what it puts into the background with Ctrl-C ignored, and programs hand that on; the tests that
# interrupt a command would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
