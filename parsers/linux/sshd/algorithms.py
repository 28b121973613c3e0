"""Lists of algorithms: `a,b`, `+a` (append), `-a*` (remove), `^a` (prefer), and what each sshd knows.

The names are those that OpenSSH 9.2p1 of Debian 12 lists (`ssh -Q cipher`, `mac`, `kex`, `kex-gss`, `sig`), with the
release since which, or before which, others have them, from the release notes. Of 5.3 only Red Hat's is in use, with
the hashes of SHA-2 that it was patched to have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from parsers.linux.sshd.pattern import pattern_matches

Release = tuple[int, int]

_ALWAYS: Final[Release] = (0, 0)
_NEVER: Final[Release] = (99, 99)
Names = Mapping[str, tuple[Release, Release]]
"""Name -> since which release, and before which release, sshd has it."""


def _names(text: str, since: Release = _ALWAYS, before: Release = _NEVER) -> dict[str, tuple[Release, Release]]:
    return dict.fromkeys(text.split(), (since, before))


CIPHERS: Final[Names] = {
    **_names("3des-cbc aes128-cbc aes192-cbc aes256-cbc aes128-ctr aes192-ctr aes256-ctr"),
    **_names("aes128-gcm@openssh.com aes256-gcm@openssh.com", (6, 2)),
    **_names("chacha20-poly1305@openssh.com", (6, 5)),
    **_names("rijndael-cbc@lysator.liu.se", before=(8, 5)),
    **_names("blowfish-cbc cast128-cbc arcfour arcfour128 arcfour256", before=(7, 6)),
}
MACS: Final[Names] = {
    **_names("hmac-sha1 hmac-sha1-96 hmac-sha2-256 hmac-sha2-512 hmac-md5 hmac-md5-96 umac-64@openssh.com"),
    **_names(
        "umac-128@openssh.com hmac-sha1-etm@openssh.com hmac-sha1-96-etm@openssh.com hmac-sha2-256-etm@openssh.com"
        " hmac-sha2-512-etm@openssh.com hmac-md5-etm@openssh.com hmac-md5-96-etm@openssh.com umac-64-etm@openssh.com"
        " umac-128-etm@openssh.com",
        (6, 2),
    ),
    **_names("hmac-ripemd160 hmac-ripemd160@openssh.com hmac-ripemd160-etm@openssh.com", before=(7, 6)),
}
KEX: Final[Names] = {
    **_names(
        "diffie-hellman-group1-sha1 diffie-hellman-group14-sha1 diffie-hellman-group-exchange-sha1"
        " diffie-hellman-group-exchange-sha256"
    ),
    **_names("ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521", (5, 7)),
    **_names("curve25519-sha256@libssh.org", (6, 5)),
    **_names("diffie-hellman-group14-sha256 diffie-hellman-group16-sha512 diffie-hellman-group18-sha512", (7, 3)),
    **_names("curve25519-sha256", (7, 4)),
    **_names("sntrup761x25519-sha512@openssh.com", (8, 5)),
    **_names("sntrup761x25519-sha512", (9, 9)),
    **_names("mlkem768x25519-sha256", (9, 9)),
    **_names("sntrup4591761x25519-sha512@tinyssh.org", (8, 0), (8, 5)),
}
GSS_KEX: Final[Names] = _names(
    "gss-gex-sha1- gss-group1-sha1- gss-group14-sha1- gss-group14-sha256- gss-group16-sha512- gss-nistp256-sha256-"
    " gss-curve25519-sha256-"
)
# 9.8 leaves DSA out of what is compiled unless asked for, 10.0 has no code of it
_PLAIN: Final = {
    **_names("ssh-rsa"),
    **_names("ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521", (5, 7)),
    **_names("ssh-ed25519", (6, 5)),
    **_names("rsa-sha2-256 rsa-sha2-512", (7, 2)),
    **_names("sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com", (8, 2)),
    **_names("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", (8, 4)),
    **_names("ssh-dss", before=(9, 8)),
}
CA_SIGNATURES: Final[Names] = _PLAIN
SIGNATURES: Final[Names] = {
    **_PLAIN,
    **_names(
        "ssh-rsa-cert-v01@openssh.com ecdsa-sha2-nistp256-cert-v01@openssh.com"
        " ecdsa-sha2-nistp384-cert-v01@openssh.com ecdsa-sha2-nistp521-cert-v01@openssh.com"
    ),
    **_names("ssh-ed25519-cert-v01@openssh.com", (6, 5)),
    **_names("rsa-sha2-256-cert-v01@openssh.com rsa-sha2-512-cert-v01@openssh.com", (7, 8)),
    **_names("sk-ssh-ed25519-cert-v01@openssh.com sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", (8, 2)),
    **_names("ssh-dss-cert-v01@openssh.com", before=(9, 8)),
}


_ALSO: Final[Mapping[Release, frozenset[str]]] = {
    # Debian brought the name back to 9.2p1-2+deb12u4
    (9, 2): frozenset({"sntrup761x25519-sha512"}),
}
_SIGNS: Final[Mapping[str, Release]] = {"+": (7, 0), "-": (7, 5), "^": (8, 1)}
"""Since which release a sign before the list has a meaning."""


def list_flaw(text: str, names: Names, release: Release, *, wildcards: bool, signs: bool = True) -> str | None:
    """Say what is wrong with a list of algorithms; None where nothing is.

    `wildcards`: whether patterns may select names; `signs`: whether `+`, `-` and `^` have their meaning. After `-`
    sshd takes any pattern.
    """
    sign = text[:1] if signs and release >= _SIGNS.get(text[:1], _NEVER) else ""
    if sign == "-":
        return None
    items = [item for item in text.removeprefix(sign).split(",") if item]
    if not items:
        return "a list of algorithms wanted, an empty one found"
    also = _ALSO.get(release, frozenset())
    known = [name for name, (since, before) in names.items() if since <= release < before or name in also]
    for item in items:
        patterned = wildcards and ("*" in item or "?" in item)
        found = any(pattern_matches(name, item) for name in known) if patterned else item in known
        if not found:
            return f"an algorithm that OpenSSH {release[0]}.{release[1]} has wanted, {item!r} found"
    return None
