"""What people and programs leave on a machine, which must not go out with its image. No secret is ever printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.linux.leftover_files import MAX_SHOWN, absent, in_homes, leftovers, none_left, nothing_left
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from parsers.filesystem.tree import FileType

_INSTANCE: Final = (
    "/var/lib/cloud/instance/*",
    "/var/lib/cloud/instances/*/*",
    "/var/lib/cloud/data/*",
    "/var/lib/cloud/sem/*",
)
_USER_DATA: Final = (
    "/var/lib/cloud/instances/*/user-data.txt*",
    "/var/lib/cloud/instances/*/vendor-data*.txt*",
    "/var/lib/cloud/instances/*/cloud-config.txt",
    "/var/lib/cloud/instances/*/scripts/*",
    "/var/lib/cloud/seed/*/user-data",
    "/var/lib/cloud/seed/*/vendor-data",
    "/var/log/installer/autoinstall-user-data",
    "/var/log/cloud-init-output.log",
)
_CLOUD_CONFIG: Final = ("/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d/*.cfg")
_SECRET: Final = re.compile(
    rb"(?im)^[ \t-]*[\"']?(?P<key>password|passwd|hashed_passwd|plain_text_passwd|hashed-password|secret_?key|api_?key"
    rb"|access_?key|auth_?token|token)[\"']?[ \t]*[:=][ \t]*[\"']?[^\s\"'#]"
)
_CHPASSWD: Final = re.compile(rb"(?im)^[ \t-]*chpasswd[ \t]*:")
_PRIVATE_KEY: Final = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|PuTTY-User-Key-File-\d")
_READ: Final = 1 << 20
_HEAD: Final = 4096
_FILES_MAX: Final = 2000
_LOGS: Final = ("/var/log/*", "/var/log/*/*", "/var/log/journal/*/*")
_HISTORIES: Final = (
    ".bash_history", ".zsh_history", ".ash_history", ".sh_history", ".history", ".python_history", ".mysql_history",
    ".psql_history", ".sqlite_history", ".lesshst", ".viminfo", ".node_repl_history", ".rediscli_history",
    ".local/share/fish/fish_history",
)  # fmt: skip
_SSH: Final = (".ssh/authorized_keys", ".ssh/authorized_keys2", ".ssh/known_hosts")
_KEYS_AT_HOME: Final = (".ssh/*", "*.pem", "*.key", "*.ppk", ".gnupg/private-keys-v1.d/*")
_KEYS: Final = (
    "/etc/ssl/private/*", "/etc/pki/tls/private/*", "/etc/ssl/*.key", "/etc/nginx/*.key", "/etc/nginx/ssl/*",
    "/etc/apache2/ssl/*", "/etc/httpd/ssl/*", "/etc/letsencrypt/archive/*/*", "/etc/openvpn/*.key",
    "/etc/openvpn/*/*.key", "/etc/pki/CA/private/*", "/etc/pki/tls/*.key",
    "/etc/ipsec.d/private/*", "/etc/swanctl/private/*", "/etc/wireguard/*.key",
)  # fmt: skip
_CREDENTIALS: Final = (
    ".aws/credentials", ".aliyun/config.json", ".config/gcloud/credentials.db", ".config/gcloud/access_tokens.db",
    ".config/gcloud/application_default_credentials.json", ".azure/accessTokens.json", ".azure/msal_token_cache.*",
    ".kube/config", ".docker/config.json", ".netrc", ".git-credentials", ".my.cnf", ".pgpass", ".s3cfg", ".boto",
    ".ossutilconfig", ".tccli/*.credential", ".hcloud/*", ".config/openstack/clouds.yaml", ".oci/config",
    ".vault-token", ".npmrc", ".pypirc", ".smbcredentials", ".config/rclone/rclone.conf", ".config/gh/hosts.yml",
)  # fmt: skip
_WITHOUT_SECRETS: Final = {
    ".docker/config.json": b'"auth"',
    ".npmrc": b"_auth",
    ".my.cnf": b"password",
    ".netrc": b"password",
}
"""Files that many have without a secret in them -> what stands in one that has some."""
_AGENTS: Final = {
    "/etc/salt/minion_id": "Salt",
    "/etc/salt/pki/minion/*.pem": "Salt",
    "/etc/puppetlabs/puppet/ssl/private_keys/*": "Puppet",
    "/var/lib/puppet/ssl/private_keys/*": "Puppet",
    "/etc/chef/client.pem": "Chef",
    "/var/lib/amazon/ssm/Vault/Store/*": "the SSM agent",
    "/var/lib/amazon/ssm/registration": "the SSM agent",
    "/var/lib/waagent/*.xml": "the agent of Azure",
    "/etc/pki/consumer/*.pem": "subscription-manager",
    "/etc/pki/entitlement/*.pem": "subscription-manager",
    "/etc/insights-client/machine-id": "Red Hat Insights",
    "/etc/smolt/*uuid*": "Smolt",
    "/etc/sysconfig/rhn/systemid": "the Red Hat network",
    "/var/lib/yum/uuid": "yum",
    "/etc/SUSEConnect": "SUSEConnect",
    "/etc/zypp/credentials.d/SCCcredentials": "SUSEConnect",
    "/usr/local/share/aliyun-assist/hybrid/*": "Cloud Assistant",
    "/usr/local/share/assist-daemon/hybrid/*": "Cloud Assistant",
    "/var/lib/tailscale/tailscaled.state": "Tailscale",
    "/etc/machine-info.d/*": "machine-info",
    "/var/lib/ubuntu-advantage/private/*": "Ubuntu Pro",
    "/etc/datadog-agent/auth_token": "Datadog",
    "/var/lib/teleport/host_uuid": "Teleport",
    "/opt/CrowdStrike/falconstore": "CrowdStrike",
}
_KEYTABS: Final = (
    "/etc/krb5.keytab",
    "/etc/ipa/default.conf",
    "/var/lib/sss/db/*.ldb",
    "/var/lib/samba/private/secrets.tdb",
    "/etc/samba/secrets.tdb",
)
_BACKUPS: Final = ("/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-")
_EDITORS: Final = (
    "/etc/*~", "/etc/*.bak", "/etc/#*#", "/etc/.*.sw[op]", "/etc/*/*~", "/etc/*/*.bak", "/etc/*/.*.sw[op]", "/root/*~",
    "/root/*.bak", "/root/#*#", "/root/.*.sw[op]", "/srv/*~", "/srv/*.bak",
)  # fmt: skip
_JOBS: Final = (
    "/var/spool/cron/*", "/var/spool/cron/crontabs/*", "/var/spool/cron/tabs/*", "/var/spool/at/*",
    "/var/spool/cron/atjobs/*",
)  # fmt: skip
_SYSTEM_JOBS: Final = frozenset({".SEQ", ".lockfile"})
_FIRST_BOOT: Final = (
    "/usr/lib/virt-sysprep/scripts/*",
    "/usr/lib/virt-sysprep/firstboot.sh",
    "/usr/lib/systemd/system/guestfs-firstboot.service",
    "/etc/systemd/system/guestfs-firstboot.service",
)


@rule("cloud-init-state-is-gone", "cloud-init takes the copy for a new machine")
def cloud_init_state_is_gone(facts: Facts) -> Verdict:
    """Why: what cloud-init did on the source machine may not be done again, and its user-data goes out with the image.

    Fix: `cloud-init clean --logs --seed`, as the last step before the image is taken.
    Reads: /var/lib/cloud
    References: cloud-init's documentation, cloud-init clean
    """
    return none_left(facts[Guest], _INSTANCE, "the data of an instance is left behind")


@rule("cloud-init-data-holds-no-secret", "No password or key stands in the data that cloud-init keeps")
def cloud_init_data_holds_no_secret(facts: Facts) -> Verdict:
    """Why: user-data is kept on the disk as it came; whoever gets the image reads the passwords and keys in it.

    Fix: `cloud-init clean --logs --seed`, take the rest out of the files named, and change what was given away.
    Reads: user-data and vendor-data below /var/lib/cloud, /etc/cloud, cloud-init's output, what Ubuntu's installer kept
    References: cloud-init's documentation, cloud-init clean
    """
    guest = facts[Guest]
    patterns = (*_USER_DATA, *_CLOUD_CONFIG)
    found = [item for path, data in _contents(guest, patterns, _READ) for item in _secrets(guest, path, data)]
    if found:
        return failed("secrets are left behind", *found[:MAX_SHOWN])
    return ok("no secret is left behind", *absent(_USER_DATA))


def _secrets(guest: Guest, path: str, data: bytes) -> Iterator[Evidence]:
    for pattern, name in ((_SECRET, None), (_CHPASSWD, "chpasswd"), (_PRIVATE_KEY, "a private key")):
        for match in islice(pattern.finditer(data), MAX_SHOWN):
            line = data.count(b"\n", 0, match.start()) + 1
            what = name or match["key"].decode("ascii").lower()
            yield Evidence(guest.place(path, line), f"{what} (its value is not shown)")


@rule("logs-are-empty", "No log of the source machine is left")
def logs_are_empty(facts: Facts) -> Verdict:
    """Why: logs tell of the source machine: its users, addresses and failures, and what was typed into a wrong prompt.

    Fix: `journalctl --rotate --vacuum-time=1s`, and `truncate -s 0` on the files that are named.
    Reads: /var/log
    References: journalctl(1), virt-sysprep(1)
    """
    return none_left(facts[Guest], _LOGS, "logs are left behind")


@rule("shell-history-is-gone", "No history of commands is left")
def shell_history_is_gone(facts: Facts) -> Verdict:
    """Why: histories hold what was typed: host names, passwords in arguments, tokens.

    Fix: remove the files that are named, at the end of the last session.
    Reads: the homes of root and of users
    References: virt-sysprep(1)
    """
    return none_left(facts[Guest], in_homes(facts, _HISTORIES), "histories are left behind")


@rule("ssh-keys-of-users-are-gone", "No key of a user lets somebody into every copy")
def ssh_keys_of_users_are_gone(facts: Facts) -> Verdict:
    """Why: who built the image can log in to every copy of it with the key that is left; known_hosts tells where from.

    Fix: remove the files that are named; the cloud gives each copy the key that its owner chose.
    Reads: .ssh in the homes of root and of users
    References: https://docs.oracle.com/en-us/iaas/Content/Marketplace/app-publisher-guidelines-images.htm
    """
    return none_left(facts[Guest], in_homes(facts, _SSH), "keys or known hosts are left behind")


@rule("private-keys-are-gone", "No private key lies in the image")
def private_keys_are_gone(facts: Facts) -> Verdict:
    """Why: a private key in an image belongs to everybody who gets a copy of it.

    Fix: remove the keys that are named, and have new ones made; give each copy its own.
    Reads: the heads of files in homes, /etc/ssl/private, /etc/pki/tls/private and the folders of servers
    References: https://docs.oracle.com/en-us/iaas/Content/Marketplace/app-publisher-guidelines-images.htm
    """
    guest = facts[Guest]
    patterns = [*in_homes(facts, _KEYS_AT_HOME), *_KEYS]
    found = [
        Evidence(guest.place(path), "a private key")
        for path, data in _contents(guest, patterns, _HEAD)
        if _PRIVATE_KEY.search(data)
    ]
    if found:
        return warning("private keys are left behind", *found[:MAX_SHOWN])
    return nothing_left(patterns)


@rule("cloud-credentials-are-gone", "No credentials for a cloud or a service lie in the image")
def cloud_credentials_are_gone(facts: Facts) -> Verdict:
    """Why: whoever gets the image acts in the name of the account whose credentials are left.

    Fix: remove the files that are named, and withdraw the credentials.
    Reads: the homes of root and of users
    References: https://docs.oracle.com/en-us/iaas/Content/Marketplace/app-publisher-guidelines-images.htm
    """
    guest = facts[Guest]
    patterns = in_homes(facts, _CREDENTIALS)
    found = [
        Evidence(guest.place(path), "credentials (not shown)")
        for path, data in _contents(guest, patterns, _READ)
        if _holds_secret(path, data)
    ]
    if found:
        return failed("credentials are left behind", *found[:MAX_SHOWN])
    return nothing_left(patterns)


def _holds_secret(path: str, data: bytes) -> bool:
    mark = next((mark for name, mark in _WITHOUT_SECRETS.items() if path.endswith(f"/{name}")), b"")
    return bool(data.strip()) and mark in data


@rule("agents-are-unregistered", "No agent keeps the identity that it was given on the source machine")
def agents_are_unregistered(facts: Facts) -> Verdict:
    """Why: a server takes all copies of one identity for one machine, and sends each what is meant for another.

    Fix: unregister the agent, and remove the files that are named.
    Reads: the state of configuration agents, of subscriptions and of clouds' agents
    References: virt-sysprep(1); the documentation of each agent
    """
    guest = facts[Guest]
    found = [
        item for pattern, agent in _AGENTS.items() for item in leftovers(guest, [pattern], f"{agent} is registered")
    ]
    if found:
        return warning("agents are registered", *found[:MAX_SHOWN])
    return ok("no agent is registered", *absent(_AGENTS))


@rule("keytabs-are-gone", "The image is no member of a directory")
def keytabs_are_gone(facts: Facts) -> Verdict:
    """Why: copies that share the account of one machine in a directory lock one another out, and can pose as it.

    Fix: leave the domain (`realm leave`, `ipa-client-install --uninstall`), and remove the files that are named.
    Reads: /etc/krb5.keytab, the state of FreeIPA, SSSD and Samba
    References: realm(8), virt-sysprep(1)
    """
    return none_left(facts[Guest], _KEYTABS, "the membership of a directory is left behind")


@rule("account-backups-are-gone", "No old copy of the account files, nor of files that were edited, is left")
def account_backups_are_gone(facts: Facts) -> Verdict:
    """Why: passwd- and shadow- keep accounts and passwords that were taken away before the image was made.

    Fix: remove the files that are named.
    Reads: /etc, /root, /srv
    References: passwd(5), virt-sysprep(1)
    """
    return none_left(facts[Guest], (*_BACKUPS, *_EDITORS), "old copies are left behind")


@rule("no-jobs-of-users-are-left", "No job of a user is waiting in cron or at")
def no_jobs_of_users_are_left(facts: Facts) -> Verdict:
    """Why: a job that was meant for the source machine runs on every copy.

    Fix: `crontab -r -u USER`, `atrm`; or move what every copy shall do to /etc/cron.d.
    Reads: the spools of cron and at
    References: crontab(1), at(1), virt-sysprep(1)
    """
    found = leftovers(facts[Guest], _JOBS)
    jobs = [item for item in found if item.place.path.rpartition("/")[2] not in _SYSTEM_JOBS]
    return warning("jobs are left behind", *jobs) if jobs else ok("no job is left behind", *absent(_JOBS))


@rule("first-boot-scripts-are-done", "No script of an image tool waits for the first boot")
def first_boot_scripts_are_done(facts: Facts) -> Verdict:
    """Why: a script that virt-customize or virt-v2v left for the first boot runs as root on every copy.

    Fix: boot the image once before it is copied, or remove the scripts that are named.
    Reads: the folders in which virt-customize and virt-v2v put their scripts
    References: virt-customize(1), --firstboot
    """
    return none_left(facts[Guest], _FIRST_BOOT, "scripts wait for the first boot")


def _contents(guest: Guest, patterns: Iterable[str], limit: int) -> Iterator[tuple[str, bytes]]:
    """Give the paths that match with the first bytes of the files; `UnknownFact` where there are too many."""
    paths = dict.fromkeys(path for pattern in patterns for path in guest.glob(pattern))
    for number, path in enumerate(paths):
        if number >= _FILES_MAX:
            raise UnknownFact(f"more than {_FILES_MAX} files to look into", guest.place(path))
        if guest.lstat(path).type is FileType.FILE:
            source = guest.open(path)
            yield path, source.read_at(0, min(source.size, limit))


RULES = (
    cloud_init_state_is_gone,
    cloud_init_data_holds_no_secret,
    logs_are_empty,
    shell_history_is_gone,
    ssh_keys_of_users_are_gone,
    private_keys_are_gone,
    cloud_credentials_are_gone,
    agents_are_unregistered,
    keytabs_are_gone,
    account_backups_are_gone,
    no_jobs_of_users_are_left,
    first_boot_scripts_are_done,
)
