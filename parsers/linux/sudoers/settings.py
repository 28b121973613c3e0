"""The settings of `Defaults`: what sudoers(5) of sudo 1.9.13 lists, and a few that only older or patched ones have.

A setting is a switch, or takes a value; of most values only their kind is looked at, not what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

Flaw = str | None

_SWITCHES: Final = """
always_query_group_plugin always_set_home authenticate case_insensitive_group case_insensitive_user closefrom_override
compress_io env_editor env_reset exec_background fast_glob fqdn ignore_audit_errors ignore_dot ignore_iolog_errors
ignore_local_sudoers ignore_logfile_errors ignore_unknown_defaults insults intercept intercept_allow_setid
intercept_authenticate intercept_verify iolog_flush log_allowed log_denied log_exit_status log_host log_input
log_output log_passwords log_server_keepalive log_server_verify log_stderr log_stdin log_stdout log_subcmds log_ttyin
log_ttyout log_year long_otp_prompt mail_all_cmnds mail_always mail_badpass mail_no_host mail_no_perms mail_no_user
match_group_by_gid netgroup_tuple noexec noninteractive_auth pam_acct_mgmt pam_rhost pam_ruser pam_session pam_setcred
passprompt_override path_info preserve_groups pwfeedback requiretty root_sudo rootpw runas_allow_unknown_id
runas_check_shell runaspw selinux set_home set_logname set_utmp setenv shell_noargs stay_setuid sudoedit_checkdir
sudoedit_follow syslog_pid targetpw tty_tickets umask_override use_loginclass use_netgroups use_pty
user_command_timeouts utmp_runas visiblepw
cmnd_no_wait legacy_group_processing log_children
"""
_NUMBERS: Final = "closefrom passwd_tries syslog_maxlen"
_OPTIONAL_NUMBERS: Final = "loglinelen"
_TIMES: Final = "command_timeout log_server_timeout"
_OPTIONAL_MINUTES: Final = "passwd_timeout timestamp_timeout"
_TEXTS: Final = """
apparmor_profile authfail_message badpass_message intercept_type iolog_file iolog_group iolog_mode iolog_user
limitprivs log_server_cabundle log_server_peer_cert log_server_peer_key mailsub maxseq pam_askpass_service
pam_login_service pam_service passprompt privs role runas_default sudoers_locale timestamp_type timestampowner type
"""
_OPTIONAL_TEXTS: Final = """
admin_flag exempt_group fdexec group_plugin lecture listpw log_format mailerflags mailfrom mailto rlimit_as rlimit_core
rlimit_cpu rlimit_data rlimit_fsize rlimit_locks rlimit_memlock rlimit_nofile rlimit_nproc rlimit_rss rlimit_stack
runchroot runcwd secure_path syslog syslog_badpri syslog_goodpri verifypw
"""
_PATHS: Final = "iolog_dir lecture_status_dir noexec_file timestampdir editor"
_OPTIONAL_PATHS: Final = "env_file lecture_file logfile mailerpath restricted_env_file"
_LISTS: Final = "env_check env_delete env_keep log_servers passprompt_regex"

_FACILITIES: Final = frozenset(["authpriv", "auth", "daemon", "user"]) | {f"local{number}" for number in range(8)}
_PRIORITIES: Final = frozenset(["alert", "crit", "debug", "emerg", "err", "info", "notice", "warning", "none"])
_LISTED: Final = frozenset({"all", "always", "any", "never", "true", "false"})
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "syslog": _FACILITIES | {"true", "false"},
    "syslog_goodpri": _PRIORITIES,
    "syslog_badpri": _PRIORITIES,
    "listpw": _LISTED,
    "verifypw": _LISTED,
    "lecture": frozenset({"always", "never", "once", "true", "false"}),
    "fdexec": frozenset({"always", "never", "digest_only", "true", "false"}),
    "timestamp_type": frozenset({"global", "ppid", "tty", "kernel"}),
    "log_format": frozenset({"json", "sudo"}),
    "intercept_type": frozenset({"dso", "trace"}),
}
_WITHOUT_VALUE: Final = frozenset({"syslog", "lecture", "listpw", "verifypw", "fdexec"})
"""Words that need none: the setting alone turns them on."""
_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]{1,9}")
_MINUTES: Final = re.compile(r"[+-]?[0-9]{0,9}(?:\.[0-9]{0,9})?")
_RESOURCE: Final = re.compile(r"default|user|(?:infinity|[0-9]{1,18})(?:\\?,(?:infinity|[0-9]{1,18}))?")
_OCTAL: Final = re.compile(r"\+?0?[0-7]{1,4}")
_MOMENT: Final = re.compile(r"[0-9]{10}(?:[0-9]{2}){0,2}(?:[.,][0-9]+)?(?:Z|[+-][0-9]{4})?")
_TIME: Final = re.compile(
    r"(?=\+?[0-9])" + "".join(rf"(?:\+?[0-9]{{1,9}}{unit})?" for unit in ("[dD]", "[hH]", "[mM]", "[sS]?"))
)


def _kinds() -> dict[str, tuple[str, bool]]:
    """Return each setting with its kind, and whether `!` may turn it off."""
    table = (
        ("switch", True, _SWITCHES), ("number", False, _NUMBERS), ("number", True, _OPTIONAL_NUMBERS),
        ("time", True, _TIMES), ("minutes", True, _OPTIONAL_MINUTES), ("text", False, _TEXTS),
        ("text", True, _OPTIONAL_TEXTS), ("path", False, _PATHS), ("path", True, _OPTIONAL_PATHS),
        ("list", True, _LISTS), ("mode", True, "umask"),
    )  # fmt: skip
    return {name: (kind, optional) for kind, optional, names in table for name in names.split()}


KINDS: Final = _kinds()
DIRECTORIES: Final = frozenset({"CWD", "CHROOT"})
"""Options of a command that want a directory."""


def option_flaw(name: str, value: str) -> Flaw:
    """Say what is wrong with an option of a command, such as TIMEOUT; None where nothing is."""
    if name in DIRECTORIES and not (value == "*" or value.startswith(("/", "~"))):
        return f"a path with / or ~, or *, wanted for {name}, {value!r} found"
    if name == "TIMEOUT" and not _TIME.fullmatch(value):
        return f"a time such as 2m wanted for TIMEOUT, {value!r} found"
    if name in {"NOTBEFORE", "NOTAFTER"} and not _MOMENT.fullmatch(value):
        return f"a moment such as 20300131120000Z wanted for {name}, {value!r} found"
    return None


def setting_flaw(name: str, sign: str, value: str | None) -> Flaw:
    """Say what is wrong with a setting; None where nothing is.

    `sign` is "" (on), "!" (off), "=", "+=" or "-="; a value goes with the last three.
    """
    if name not in KINDS:
        return f"a setting that sudo knows wanted, {name!r} found"
    kind, optional = KINDS[name]
    if sign == "!":
        return None if optional else f"a value of {name} wanted, ! found"
    if sign in {"+=", "-="} and kind != "list":
        return f"= wanted for {name}, which is no list, {sign} found"
    if sign == "":
        return None if kind == "switch" or name in _WITHOUT_VALUE else f"a value of {name} wanted, none found"
    return _value_flaw(name, kind, value or "")


def _value_flaw(name: str, kind: str, value: str) -> Flaw:
    if kind == "switch":
        return f"no value of {name} wanted, {value!r} found"
    words = _WORDS.get(name)
    if words is not None and value not in words:
        return f"one of {', '.join(sorted(words))} wanted for {name}, {value!r} found"
    if kind == "path":
        return None if value.startswith("/") else f"an absolute path wanted for {name}, {value!r} found"
    if name.startswith("rlimit_"):
        return None if _RESOURCE.fullmatch(value) else f"a limit wanted for {name}, {value!r} found"
    pattern = {"number": _NUMBER, "minutes": _MINUTES, "mode": _OCTAL, "time": _TIME}.get(kind)
    if pattern is not None and not pattern.fullmatch(value):
        return f"a {'number' if kind == 'number' else kind} wanted for {name}, {value!r} found"
    return None
