"""The configuration of OpenSSH's server, judged as `sshd -t` does."""

from __future__ import annotations

from parsers.linux.sshd.algorithms import Release
from parsers.linux.sshd.config import DEBIAN_12, NEWEST, OLDEST, Directive, SshdConfig, parse_sshd_config

__all__ = ["DEBIAN_12", "NEWEST", "OLDEST", "Directive", "Release", "SshdConfig", "parse_sshd_config"]
