"""The keywords of sshd_config: what each takes, where it may stand, and which sshd knows it.

From sshd_config(5) of OpenSSH 9.2p1 as Debian 12 ships it (with its patches: DebianBanner, GSSAPI key exchange); the
releases are those of OpenSSH's release notes, the old keywords those that this sshd still recognises, tried one by
one. What Red Hat and SUSE patch in is from sshd_config(5) of their packages; where not every update of a package has
it, the keyword is `uncertain`, and what sshd does with it is in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec
from msgspec.structs import replace

from parsers.linux.sshd import values as v
from parsers.linux.sshd.algorithms import CA_SIGNATURES, CIPHERS, GSS_KEX, KEX, MACS, SIGNATURES, Release


class Life(Enum):
    """What sshd does with a keyword: it counts, or is passed over with or without a remark in the log."""

    CURRENT = "current"
    IGNORED = "ignored"
    DEPRECATED = "deprecated"
    UNSUPPORTED = "unsupported"


class Keyword(msgspec.Struct, frozen=True):
    """One keyword.

    Attributes:
        name: as sshd_config(5) writes it; an alias carries the name of what it stands for.
        in_match: whether it may stand in a Match block.
        since, before: the releases of sshd that know it.
        life: what sshd does with it.
        patched: distributions, and since which release theirs knows it; those of a patch alone are never `since`.
        uncertain: whether not every update of those packages knows it.
        match_since: since which release it may stand in a Match block.
        ended: since which release `life` holds; before, it counts.
    """

    name: str
    check: v.Check
    in_match: bool = True
    since: Release = (0, 0)
    before: Release = (99, 99)
    life: Life = Life.CURRENT
    patched: Mapping[str, Release] = {}
    uncertain: bool = False
    match_since: Release = (0, 0)
    ended: Release = (0, 0)

    def known(self, release: Release, vendor: str) -> bool | None:
        """Tell whether sshd knows it; None where that is not certain. `vendor` is "" where it cannot be told."""
        if release >= self.before:
            return False
        if release >= self.since:
            return True
        holders = [name for name, since in self.patched.items() if release >= since]
        if not holders or (vendor and vendor not in holders):
            return False
        return None if self.uncertain or not vendor else True

    def life_in(self, release: Release) -> Life:
        """Return what sshd of a release does with it."""
        return Life.CURRENT if release < self.ended else self.life


_NEVER: Final[Release] = (99, 99)
_SWITCH: Final = v.one_of("yes", "no")
_FORWARDING: Final = v.one_of(
    "yes", "all", "no", "local", "remote", later=dict.fromkeys(("all", "local", "remote"), (6, 2))
)
_WORD: Final = v.single(v.word)
_NUMBER: Final = v.single(v.integer)
_LOG_LEVELS: Final = ("quiet", "fatal", "error", "info", "verbose", "debug", "debug1", "debug2", "debug3")
_FACILITIES: Final = ("daemon", "user", "auth", "authpriv", *(f"local{number}" for number in range(8)))
_HASHES: Final = ("md5", "sha1", "sha256", "sha384", "sha512")
_KEY_TYPES: Final = v.algorithms(SIGNATURES, wildcards=True)
_REDHAT: Final[Mapping[str, Release]] = {"redhat": (0, 0)}
_REDHAT_6: Final[Mapping[str, Release]] = {"redhat": (5, 3)}
_GSSAPI: Final[Mapping[str, Release]] = {"redhat": (0, 0), "debian": (0, 0), "suse": (0, 0)}
_NEW_EVERYWHERE: Final[Mapping[str, Release]] = dict.fromkeys(("alpine", "arch", "debian", "redhat", "suse"), (10, 1))

_IN_MATCH: Final = (
    Keyword("AcceptEnv", v.each(v.environment_name), match_since=(6, 1)),
    Keyword("AllowAgentForwarding", _SWITCH),
    Keyword("AllowGroups", v.each(v.filled), match_since=(6, 1)),
    Keyword("AllowStreamLocalForwarding", _FORWARDING, since=(6, 7)),
    Keyword("AllowTcpForwarding", _FORWARDING),
    Keyword("AllowUsers", v.each(v.user_pattern), match_since=(6, 1)),
    Keyword("AuthenticationMethods", v.authentication_methods, since=(6, 2)),
    Keyword("AuthorizedKeysCommand", v.anything, since=(6, 2), patched=_REDHAT_6),
    Keyword("AuthorizedKeysCommandUser", _WORD, since=(6, 2)),
    Keyword("AuthorizedKeysFile", v.each(v.filled), match_since=(5, 6)),
    Keyword("AuthorizedPrincipalsCommand", v.anything, since=(6, 9)),
    Keyword("AuthorizedPrincipalsCommandUser", _WORD, since=(6, 9)),
    Keyword("AuthorizedPrincipalsFile", _WORD, since=(5, 6), patched=_REDHAT_6, uncertain=True),
    Keyword("Banner", _WORD),
    Keyword("CASignatureAlgorithms", v.algorithms(CA_SIGNATURES, wildcards=True), since=(7, 9)),
    Keyword("ChannelTimeout", v.channel_timeout, since=(9, 2)),
    Keyword("ChrootDirectory", _WORD),
    Keyword("ClientAliveCountMax", _NUMBER, match_since=(7, 4)),
    Keyword("ClientAliveInterval", v.single(v.time), match_since=(7, 4)),
    Keyword("DenyGroups", v.each(v.filled), match_since=(6, 1)),
    Keyword("DenyUsers", v.each(v.user_pattern), match_since=(6, 1)),
    Keyword("DisableForwarding", _SWITCH, since=(7, 4)),
    Keyword("ExposeAuthInfo", _SWITCH, since=(7, 6)),
    Keyword("ForceCommand", v.anything),
    Keyword("GatewayPorts", v.one_of("yes", "no", "clientspecified")),
    Keyword("GSSAPIAuthentication", _SWITCH),
    Keyword("HostbasedAcceptedAlgorithms", _KEY_TYPES, since=(8, 5)),
    Keyword("HostbasedAuthentication", _SWITCH),
    Keyword("HostbasedUsesNameFromPacketOnly", _SWITCH, match_since=(5, 6)),
    Keyword("IgnoreRhosts", v.one_of("yes", "no", "shosts-only", later={"shosts-only": (8, 3)}), match_since=(8, 3)),
    Keyword("Include", v.each(v.filled, several=False), since=(8, 2)),
    Keyword("IPQoS", v.qos, since=(5, 7)),
    Keyword("KbdInteractiveAuthentication", _SWITCH),
    Keyword("KerberosAuthentication", _SWITCH),
    Keyword("LogLevel", v.one_of(*_LOG_LEVELS), match_since=(7, 6)),
    Keyword("LogVerbose", v.each(v.filled), since=(8, 5)),
    Keyword("Match", v.anything),
    Keyword("MaxAuthTries", _NUMBER),
    Keyword("MaxSessions", _NUMBER),
    Keyword("PasswordAuthentication", _SWITCH),
    Keyword("PermitEmptyPasswords", _SWITCH),
    Keyword("PermitListen", v.permissions(listen=True), since=(7, 8)),
    Keyword("PermitOpen", v.permissions(listen=False)),
    Keyword(
        "PermitRootLogin",
        v.one_of(
            "yes",
            "no",
            "prohibit-password",
            "without-password",
            "forced-commands-only",
            later={"prohibit-password": (7, 0)},
        ),
    ),
    Keyword("PermitTTY", _SWITCH, since=(6, 5)),
    Keyword("PermitTunnel", v.one_of("yes", "no", "point-to-point", "ethernet", exact=True), match_since=(5, 6)),
    Keyword("PermitUserRC", _SWITCH, since=(6, 7)),
    Keyword("PubkeyAcceptedAlgorithms", _KEY_TYPES, since=(8, 5)),
    Keyword("PubkeyAuthOptions", v.each(v.public_key_option), since=(8, 2)),
    Keyword("PubkeyAuthentication", _SWITCH),
    Keyword("RefuseConnection", _SWITCH, since=(9, 9)),
    Keyword("RekeyLimit", v.rekey_limit, since=(6, 3)),
    Keyword("RequiredRSASize", _NUMBER, since=(9, 1), patched={"redhat": (8, 7)}),
    Keyword("RevokedKeys", _WORD, since=(5, 4), patched=_REDHAT_6, uncertain=True),
    Keyword("SetEnv", v.each(v.environment), since=(7, 8)),
    Keyword("StreamLocalBindMask", v.single(v.mask), since=(6, 7)),
    Keyword("StreamLocalBindUnlink", _SWITCH, since=(6, 7)),
    Keyword("TrustedUserCAKeys", _WORD, since=(5, 4), patched=_REDHAT_6, uncertain=True),
    Keyword("UnusedConnectionTimeout", v.single(v.time_or_none), since=(9, 2)),
    Keyword("X11DisplayOffset", _NUMBER),
    Keyword("X11Forwarding", _SWITCH),
    Keyword("X11UseLocalhost", _SWITCH),
    Keyword("KerberosUseKuserok", _SWITCH, since=_NEVER, patched=_REDHAT),
    Keyword("GSSAPIEnablek5users", _SWITCH, since=_NEVER, patched={"redhat": (6, 6)}),
    Keyword("RSAAuthentication", _SWITCH, life=Life.DEPRECATED, ended=(7, 4)),
    Keyword("RhostsRSAAuthentication", _SWITCH, life=Life.DEPRECATED, ended=(7, 4)),
    Keyword("AuthorizedKeysFile2", v.anything, life=Life.DEPRECATED, ended=(5, 9), match_since=(5, 6)),
)
_GLOBAL: Final = (
    Keyword("AddressFamily", v.one_of("any", "inet", "inet6")),
    Keyword("Ciphers", v.algorithms(CIPHERS)),
    Keyword("Compression", v.one_of("yes", "no", "delayed")),
    Keyword("DebianBanner", _SWITCH, since=_NEVER, patched={"debian": (0, 0)}),
    Keyword("FingerprintHash", v.one_of(*_HASHES), since=(6, 8)),
    Keyword("GSSAPICleanupCredentials", _SWITCH),
    Keyword("GSSAPIKeyExchange", _SWITCH, since=_NEVER, patched=_GSSAPI),
    Keyword(
        "GSSAPIKexAlgorithms",
        v.algorithms(GSS_KEX, signs=False),
        since=_NEVER,
        patched={"redhat": (7, 4), "debian": (8, 0), "suse": (8, 1)},
    ),
    Keyword("GSSAPIStoreCredentialsOnRekey", _SWITCH, since=_NEVER, patched=_GSSAPI),
    Keyword("GSSAPIStrictAcceptorCheck", _SWITCH),
    Keyword("HostCertificate", _WORD, since=(5, 4), patched=_REDHAT_6, uncertain=True),
    Keyword("HostKey", _WORD),
    Keyword("HostKeyAgent", _WORD, since=(6, 3)),
    Keyword("HostKeyAlgorithms", _KEY_TYPES, since=(7, 0)),
    Keyword("IgnoreUserKnownHosts", _SWITCH),
    Keyword("KerberosOrLocalPasswd", _SWITCH),
    Keyword("KerberosTicketCleanup", _SWITCH),
    Keyword("KexAlgorithms", v.algorithms(KEX), since=(5, 7), patched=_REDHAT_6, uncertain=True),
    Keyword("ListenAddress", v.single(v.listen_address)),
    Keyword("LoginGraceTime", v.single(v.time)),
    Keyword("MACs", v.algorithms(MACS)),
    Keyword("MaxStartups", v.single(v.max_startups)),
    Keyword("ModuliFile", _WORD, since=(8, 5)),
    Keyword("PAMServiceName", _WORD, since=(9, 8)),
    Keyword("PermitUserEnvironment", v.user_environment),
    Keyword("PerSourceMaxStartups", v.single(v.integer_or_none), since=(8, 5)),
    Keyword("PerSourceNetBlockSize", v.single(v.block_size), since=(8, 5)),
    Keyword("PerSourcePenalties", v.penalties, since=(9, 8)),
    Keyword("PerSourcePenaltyExemptList", v.single(v.address_list), since=(9, 8)),
    Keyword("PidFile", _WORD),
    Keyword("Port", v.single(v.port_number)),
    Keyword("PrintLastLog", _SWITCH),
    Keyword("PrintMotd", _SWITCH),
    Keyword("SecurityKeyProvider", _WORD, since=(8, 2)),
    Keyword("SshdAuthPath", _WORD, since=(10, 0)),
    Keyword("SshdSessionPath", _WORD, since=(9, 8)),
    Keyword("StrictModes", _SWITCH),
    Keyword("Subsystem", v.subsystem),
    Keyword("SyslogFacility", v.one_of(*_FACILITIES)),
    Keyword("TCPKeepAlive", _SWITCH),
    Keyword("UseDNS", _SWITCH),
    Keyword("UsePAM", _SWITCH),
    Keyword("VersionAddendum", v.anything, since=(6, 1)),
    Keyword("XAuthLocation", _WORD),
    # what counted once
    Keyword("KeyRegenerationInterval", v.single(v.time), life=Life.DEPRECATED, ended=(7, 4)),
    Keyword("Protocol", v.single(v.protocol), life=Life.IGNORED, ended=(7, 4)),
    Keyword("ServerKeyBits", _NUMBER, life=Life.DEPRECATED, ended=(7, 4)),
    Keyword("UseLogin", _SWITCH, life=Life.DEPRECATED, ended=(7, 4)),
    Keyword(
        "UsePrivilegeSeparation",
        v.one_of("yes", "no", "sandbox", later={"sandbox": (5, 9)}),
        life=Life.DEPRECATED,
        ended=(7, 5),
    ),
    # patches of one distribution
    Keyword("ExposeAuthenticationMethods", _WORD, since=_NEVER, before=(7, 5), patched={"redhat": (7, 4)}),
    # 10.1 or 10.2 has it on the server, too; which one is not certain
    Keyword("GSSAPIDelegateCredentials", _SWITCH, since=_NEVER, patched=_NEW_EVERYWHERE, uncertain=True),
    Keyword("GSSAPIIndicators", _WORD, since=_NEVER, patched={"redhat": (9, 6)}, uncertain=True),
    Keyword("KerberosUniqueCCache", _SWITCH, since=_NEVER, patched={"redhat": (7, 4)}, uncertain=True),
    Keyword("RequiredAuthentications1", _WORD, since=_NEVER, before=(6, 2), patched=_REDHAT_6, uncertain=True),
    Keyword("RequiredAuthentications2", _WORD, since=_NEVER, before=(6, 2), patched=_REDHAT_6, uncertain=True),
    Keyword("ShowPatchLevel", _SWITCH, since=_NEVER, before=(7, 5), patched=_REDHAT),
    Keyword("X11MaxDisplays", _NUMBER, since=_NEVER, patched={"redhat": (7, 4)}, uncertain=True),
)
_ALIASES: Final = {
    "ChallengeResponseAuthentication": "KbdInteractiveAuthentication",
    "SkeyAuthentication": "KbdInteractiveAuthentication",
    "DSAAuthentication": "PubkeyAuthentication",
    "HostbasedAcceptedKeyTypes": "HostbasedAcceptedAlgorithms",
    "HostDSAKey": "HostKey",
    "KeepAlive": "TCPKeepAlive",
    "PubkeyAcceptedKeyTypes": "PubkeyAcceptedAlgorithms",
}
_ALIASES_SINCE: Final[Mapping[str, Release]] = {
    "HostbasedAcceptedKeyTypes": (6, 8),
    "PubkeyAcceptedKeyTypes": (6, 8),
}
_ALIASES_IN_MATCH_SINCE: Final[Mapping[str, Release]] = {
    "ChallengeResponseAuthentication": (8, 7),  # a keyword of its own before, and for everybody
    "SkeyAuthentication": (8, 7),
}
# An alias that may stand only where its old keyword could.
_GLOBAL_ALIASES: Final = frozenset({"DSAAuthentication"})
_DEPRECATED: Final = (
    "CheckMail PAMAuthenticationViaKbdInt PermitBlacklistedKeys ReverseMappingCheck RhostsAuthentication"
    " VerifyReverseMapping"
)
_UNSUPPORTED: Final = "AFSTokenPassing KerberosGetAFSToken KerberosTGTPassing"


def _rdomain(_arguments: tuple[str, ...], _release: Release) -> str:
    return "no routing domain wanted (Linux has none), one found"


def _old(names: str, life: Life) -> list[Keyword]:
    return [Keyword(name, v.anything, in_match=False, life=life) for name in names.split()]


def _table() -> dict[str, Keyword]:
    table = {keyword.name.lower(): keyword for keyword in _IN_MATCH}
    table |= {keyword.name.lower(): replace(keyword, in_match=False) for keyword in _GLOBAL}
    for alias, name in _ALIASES.items():
        target = table[name.lower()]
        in_match = target.in_match and alias not in _GLOBAL_ALIASES
        # most old names are as old as sshd, whenever their new ones came
        since, match_since = _ALIASES_SINCE.get(alias, (0, 0)), _ALIASES_IN_MATCH_SINCE.get(alias, target.match_since)
        table[alias.lower()] = replace(target, in_match=in_match, since=since, match_since=match_since)
    user = table["authorizedkeyscommanduser"]
    table["authorizedkeyscommandrunas"] = replace(user, since=_NEVER, before=(6, 2), patched=_REDHAT_6)
    size = table["requiredrsasize"]
    table["rsaminsize"] = replace(size, since=_NEVER, patched={"redhat": (8, 0)}, uncertain=True)
    old = [
        Keyword("RDomain", _rdomain, since=(7, 7)),
        *_old(_DEPRECATED, Life.DEPRECATED),
        *_old(_UNSUPPORTED, Life.UNSUPPORTED),
    ]
    return table | {keyword.name.lower(): keyword for keyword in old}


KEYWORDS: Final = _table()
"""Every keyword by its name in lower case; aliases lead to what they stand for."""
