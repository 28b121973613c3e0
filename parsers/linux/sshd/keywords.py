"""The keywords of sshd_config: what each takes, where it may stand, and which sshd knows it.

From sshd_config(5) of OpenSSH 9.2p1 as Debian 12 ships it (with its patches: DebianBanner, GSSAPI key exchange); the
releases are those of the release notes, the old keywords those that this sshd still recognises, tried one by one.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

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
        vendors: the distributions whose sshd knows it; empty: all.
    """

    name: str
    check: v.Check
    in_match: bool = True
    since: Release = (0, 0)
    before: Release = (99, 99)
    life: Life = Life.CURRENT
    vendors: frozenset[str] = frozenset()


_SWITCH: Final = v.one_of("yes", "no")
_FORWARDING: Final = v.one_of("yes", "all", "no", "local", "remote")
_WORD: Final = v.single(v.word)
_NUMBER: Final = v.single(v.integer)
_LOG_LEVELS: Final = ("quiet", "fatal", "error", "info", "verbose", "debug", "debug1", "debug2", "debug3")
_FACILITIES: Final = ("daemon", "user", "auth", "authpriv", *(f"local{number}" for number in range(8)))
_HASHES: Final = ("md5", "sha1", "sha256", "sha384", "sha512")
_KEY_TYPES: Final = v.algorithms(SIGNATURES, wildcards=True)
_REDHAT: Final = frozenset({"redhat"})
_DEBIAN: Final = frozenset({"debian"})
_PATCHED: Final = _REDHAT | _DEBIAN | {"suse"}

_IN_MATCH: Final = (
    Keyword("AcceptEnv", v.each(v.environment_name)),
    Keyword("AllowAgentForwarding", _SWITCH),
    Keyword("AllowGroups", v.each(v.filled)),
    Keyword("AllowStreamLocalForwarding", _FORWARDING, since=(6, 7)),
    Keyword("AllowTcpForwarding", _FORWARDING),
    Keyword("AllowUsers", v.each(v.user_pattern)),
    Keyword("AuthenticationMethods", v.authentication_methods, since=(6, 2)),
    Keyword("AuthorizedKeysCommand", v.anything, since=(6, 2)),
    Keyword("AuthorizedKeysCommandUser", _WORD, since=(6, 2)),
    Keyword("AuthorizedKeysFile", v.each(v.filled)),
    Keyword("AuthorizedPrincipalsCommand", v.anything, since=(6, 9)),
    Keyword("AuthorizedPrincipalsCommandUser", _WORD, since=(6, 9)),
    Keyword("AuthorizedPrincipalsFile", _WORD),
    Keyword("Banner", _WORD),
    Keyword("CASignatureAlgorithms", v.algorithms(CA_SIGNATURES, wildcards=True), since=(7, 9)),
    Keyword("ChannelTimeout", v.channel_timeout, since=(9, 2)),
    Keyword("ChrootDirectory", _WORD),
    Keyword("ClientAliveCountMax", _NUMBER),
    Keyword("ClientAliveInterval", v.single(v.time)),
    Keyword("DenyGroups", v.each(v.filled)),
    Keyword("DenyUsers", v.each(v.user_pattern)),
    Keyword("DisableForwarding", _SWITCH, since=(7, 4)),
    Keyword("ExposeAuthInfo", _SWITCH, since=(7, 6)),
    Keyword("ForceCommand", v.anything),
    Keyword("GatewayPorts", v.one_of("yes", "no", "clientspecified")),
    Keyword("GSSAPIAuthentication", _SWITCH),
    Keyword("HostbasedAcceptedAlgorithms", _KEY_TYPES, since=(8, 5)),
    Keyword("HostbasedAuthentication", _SWITCH),
    Keyword("HostbasedUsesNameFromPacketOnly", _SWITCH),
    Keyword("IgnoreRhosts", v.one_of("yes", "no", "shosts-only")),
    Keyword("Include", v.each(v.filled, several=False), since=(8, 2)),
    Keyword("IPQoS", v.qos),
    Keyword("KbdInteractiveAuthentication", _SWITCH),
    Keyword("KerberosAuthentication", _SWITCH),
    Keyword("LogLevel", v.one_of(*_LOG_LEVELS)),
    Keyword("LogVerbose", v.each(v.filled), since=(8, 5)),
    Keyword("Match", v.anything),
    Keyword("MaxAuthTries", _NUMBER),
    Keyword("MaxSessions", _NUMBER),
    Keyword("PasswordAuthentication", _SWITCH),
    Keyword("PermitEmptyPasswords", _SWITCH),
    Keyword("PermitListen", v.permissions(listen=True), since=(7, 8)),
    Keyword("PermitOpen", v.permissions(listen=False)),
    Keyword("PermitRootLogin", v.one_of("yes", "no", "prohibit-password", "without-password", "forced-commands-only")),
    Keyword("PermitTTY", _SWITCH),
    Keyword("PermitTunnel", v.one_of("yes", "no", "point-to-point", "ethernet", exact=True)),
    Keyword("PermitUserRC", _SWITCH, since=(6, 7)),
    Keyword("PubkeyAcceptedAlgorithms", _KEY_TYPES, since=(8, 5)),
    Keyword("PubkeyAuthOptions", v.each(v.public_key_option), since=(8, 2)),
    Keyword("PubkeyAuthentication", _SWITCH),
    Keyword("RefuseConnection", _SWITCH, since=(9, 9)),
    Keyword("RekeyLimit", v.rekey_limit, since=(6, 3)),
    Keyword("RequiredRSASize", _NUMBER, since=(9, 1)),
    Keyword("RevokedKeys", _WORD),
    Keyword("SetEnv", v.each(v.environment), since=(7, 8)),
    Keyword("StreamLocalBindMask", v.single(v.mask), since=(6, 7)),
    Keyword("StreamLocalBindUnlink", _SWITCH, since=(6, 7)),
    Keyword("TrustedUserCAKeys", _WORD),
    Keyword("UnusedConnectionTimeout", v.single(v.time_or_none), since=(9, 2)),
    Keyword("X11DisplayOffset", _NUMBER),
    Keyword("X11Forwarding", _SWITCH),
    Keyword("X11UseLocalhost", _SWITCH),
    Keyword("KerberosUseKuserok", _SWITCH, vendors=_REDHAT),
    Keyword("GSSAPIEnablek5users", _SWITCH, vendors=_REDHAT),
)
_GLOBAL: Final = (
    Keyword("AddressFamily", v.one_of("any", "inet", "inet6")),
    Keyword("Ciphers", v.algorithms(CIPHERS)),
    Keyword("Compression", v.one_of("yes", "no", "delayed")),
    Keyword("DebianBanner", _SWITCH, vendors=_DEBIAN),
    Keyword("FingerprintHash", v.one_of(*_HASHES), since=(6, 8)),
    Keyword("GSSAPICleanupCredentials", _SWITCH),
    Keyword("GSSAPIKeyExchange", _SWITCH, vendors=_PATCHED),
    Keyword("GSSAPIKexAlgorithms", v.algorithms(GSS_KEX, signs=False), vendors=_PATCHED),
    Keyword("GSSAPIStoreCredentialsOnRekey", _SWITCH, vendors=_PATCHED),
    Keyword("GSSAPIStrictAcceptorCheck", _SWITCH),
    Keyword("HostCertificate", _WORD),
    Keyword("HostKey", _WORD),
    Keyword("HostKeyAgent", _WORD),
    Keyword("HostKeyAlgorithms", _KEY_TYPES, since=(6, 8)),
    Keyword("IgnoreUserKnownHosts", _SWITCH),
    Keyword("KerberosOrLocalPasswd", _SWITCH),
    Keyword("KerberosTicketCleanup", _SWITCH),
    Keyword("KexAlgorithms", v.algorithms(KEX)),
    Keyword("ListenAddress", v.single(v.listen_address)),
    Keyword("LoginGraceTime", v.single(v.time)),
    Keyword("MACs", v.algorithms(MACS)),
    Keyword("MaxStartups", v.single(v.max_startups)),
    Keyword("ModuliFile", _WORD, since=(8, 5)),
    Keyword("PAMServiceName", _WORD, since=(9, 8)),
    Keyword("PermitUserEnvironment", _WORD),
    Keyword("PerSourceMaxStartups", v.single(v.integer_or_none), since=(8, 5)),
    Keyword("PerSourceNetBlockSize", v.single(v.block_size), since=(8, 5)),
    Keyword("PerSourcePenalties", v.each(v.filled), since=(9, 8)),
    Keyword("PerSourcePenaltyExemptList", _WORD, since=(9, 8)),
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
    Keyword("VersionAddendum", v.anything),
    Keyword("XAuthLocation", _WORD),
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
# An alias that may stand only where its old keyword could.
_GLOBAL_ALIASES: Final = frozenset({"DSAAuthentication"})
_DEPRECATED_IN_MATCH: Final = "AuthorizedKeysFile2 RhostsRSAAuthentication RSAAuthentication"
_DEPRECATED: Final = (
    "CheckMail KeyRegenerationInterval PAMAuthenticationViaKbdInt PermitBlacklistedKeys ReverseMappingCheck"
    " RhostsAuthentication ServerKeyBits UseLogin UsePrivilegeSeparation VerifyReverseMapping"
)
_UNSUPPORTED: Final = "AFSTokenPassing KerberosGetAFSToken KerberosTGTPassing"


def _rdomain(_arguments: tuple[str, ...], _release: Release) -> str:
    return "no routing domain wanted (Linux has none), one found"


def _old(names: str, life: Life, *, in_match: bool = False) -> list[Keyword]:
    return [Keyword(name, v.anything, in_match, life=life) for name in names.split()]


def _table() -> dict[str, Keyword]:
    table = {keyword.name.lower(): keyword for keyword in _IN_MATCH}
    for keyword in _GLOBAL:
        table[keyword.name.lower()] = _with(keyword, in_match=False, since=keyword.since)
    for alias, name in _ALIASES.items():
        target = table[name.lower()]
        # The old name is as old as sshd, whenever its new one came.
        table[alias.lower()] = _with(target, in_match=target.in_match and alias not in _GLOBAL_ALIASES, since=(0, 0))
    old = [
        Keyword("Protocol", v.anything, in_match=False, life=Life.IGNORED),
        Keyword("RDomain", _rdomain, since=(7, 8)),
        *_old(_DEPRECATED_IN_MATCH, Life.DEPRECATED, in_match=True),
        *_old(_DEPRECATED, Life.DEPRECATED),
        *_old(_UNSUPPORTED, Life.UNSUPPORTED),
    ]
    return table | {keyword.name.lower(): keyword for keyword in old}


def _with(keyword: Keyword, *, in_match: bool, since: Release) -> Keyword:
    return Keyword(keyword.name, keyword.check, in_match, since, keyword.before, keyword.life, keyword.vendors)


KEYWORDS: Final = _table()
"""Every keyword by its name in lower case; aliases lead to what they stand for."""
