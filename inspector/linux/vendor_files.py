"""The vendor's copy of a file of /etc, which is read where the administrator has none (hermetic /usr of SUSE).

openSUSE's MicroOS, Tumbleweed and Leap 16 keep theirs in /usr/etc, of PAM in /usr/lib/pam.d (pam(8), "vendordir").
On systems of OSTree /usr/etc is something else: what /etc was filled with when the deployment was made, which no
program reads.
"""

from __future__ import annotations

from typing import Final

from inspector.guest import Guest

PAM: Final = "/etc/pam.d"
_PAM_COPIES: Final = ("/usr/lib/pam.d", "/usr/etc/pam.d")


def effective_path(guest: Guest, path: str) -> str:
    """Return the file that counts for `path` ("/etc/sudoers"): itself, or the vendor's copy where it is not there.

    A link to nothing hides the vendor's copy as little as no file; an empty file, and one that cannot be read, do.
    """
    if guest.exists(path) or guest.mount_of("/").directory is not None:
        return path
    return next((copy for copy in _copies(path) if guest.exists(copy)), path)


def _copies(path: str) -> tuple[str, ...]:
    if f"{path}/".startswith(f"{PAM}/"):
        return tuple(folder + path.removeprefix(PAM) for folder in _PAM_COPIES)
    return (f"/usr{path}",)
