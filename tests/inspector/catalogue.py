"""The catalogue of requirements for guests: its rows by their ids, and the rules that each has become.

A row has a cell for each of the profiles `ecs`, `nhn` and `clone`: F may reach FAILED, W at most WARNING, I is told and
not judged, - is not asked for. Operations are those of virt-sysprep(1), which `clone` answers.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Row(NamedTuple):
    """A row: its cells in the order of `PROFILES`, and the names of its rules."""

    cells: str
    rules: str


PROFILES: Final = ("ecs", "nhn", "clone")

_BOOT: Final = "boot-loader-installed boot-modes-are-whole"
_CLOUD: Final = "cloud-init-datasource-allows-target"

ROWS: Final = {
    "IMG.Format": Row("W--", "image-format-accepted image-format-unambiguous"),
    "IMG.Header": Row("FFF", "image-header-clean"),
    "IMG.BackingFile": Row("FFF", "image-stands-alone"),
    "IMG.Encrypted": Row("FFF", "image-not-encrypted"),
    "IMG.Snapshots": Row("W-W", "image-without-snapshots"),
    "IMG.VirtualSize": Row("F--", "virtual-size-within-limits"),
    "IMG.Truncated": Row("FFF", "partitions-inside-disk partition-table-valid file-systems-fit-their-volumes"),
    "DSK.SystemDisk": Row("FFF", "image-holds-a-system"),
    "DSK.PartitionTable": Row("FFF", "partition-table-valid partitions-do-not-overlap partitions-inside-disk"),
    "DSK.BootMode": Row("FWF", f"{_BOOT} boot-mode-matches-declared"),
    "DSK.RootLast": Row("WWW", "root-partition-is-last"),
    "DSK.SwapPartition": Row("WII", "system-disk-has-no-swap-partition"),
    "DSK.Lvm": Row("WII", "system-volumes-are-not-logical"),
    "DSK.LvmComplete": Row("FFF", "volume-groups-are-complete volume-metadata-is-sound"),
    "DSK.MultiDiskRoot": Row("FFF", "root-lies-on-one-disk arrays-are-complete btrfs-devices-are-complete"),
    "DSK.EncryptedVolume": Row("FFF", "system-volumes-are-not-encrypted"),
    "DSK.MultiOs": Row("WWW", "image-holds-one-system"),
    "DSK.DuplicateUuid": Row("WWW", "fstab-devices-are-unambiguous boot-devices-are-unambiguous"),
    "DSK.ForeignDisk": Row("FFF", "fstab-devices-exist volume-groups-are-complete dracut-devices-exist"),
    "FS.Type": Row("WW-", "system-file-systems-are-accepted"),
    "FS.Features": Row("W--", "ext4-features-are-accepted"),
    "FS.Clean": Row("WWW", "file-systems-cleanly-unmounted"),
    "FS.Errors": Row("FFF", "file-systems-without-recorded-errors file-systems-consistent"),
    "FS.DiskUsage": Row("FFW", "disk-usage-below-limit"),
    "FS.InodeUsage": Row("FFW", "inode-usage-below-limit"),
    "FS.Coverage": Row("WWW", "system-volumes-readable"),
    "OS.Platform": Row("FFI", "image-holds-a-system system-matches-declared"),
    "OS.Version": Row("WWI", "release-is-maintained distribution-is-supported"),
    "OS.ReleaseFiles": Row("W--", "release-files-agree"),
    "OS.Arch": Row("FFI", "architecture-is-supported system-matches-declared"),
    "OS.Legacy": Row("FWI", "kernel-is-supported distribution-is-supported"),
    "OS.Rtc": Row("WWI", "clock-keeps-utc"),
    "LNX.KernelPresent": Row("FFF", "default-kernel-is-complete default-kernel-image-is-whole grub-boot-files-exist"),
    "LNX.VirtioBlk": Row("FF-", "virtio-disk-driver-boots"),
    "LNX.VirtioNet": Row("FF-", "virtio-net-driver-present"),
    "LNX.Nvme": Row("FI-", "nvme-driver-boots"),
    "LNX.NvmeTimeout": Row("W--", "nvme-timeouts-are-long"),
    "LNX.InitramfsRead": Row("WWI", "initramfs-has-init"),
    "LNX.InitramfsRootStack": Row("FFF", "initramfs-holds-the-root-driver initramfs-opens-the-root-volume"),
    "LNX.AllKernels": Row("WW-", "virtio-in-every-kernel"),
    "LNX.FwCfg": Row("W--", "kernel-shows-fw-cfg"),
    "LNX.BlockedModules": Row("WW-", "wanted-modules-are-not-blocked virtio-disk-driver-boots"),
    "LNX.GrubConfig": Row("FFF", "grub-config-exists grub-config-parses grub-default-entry-exists"),
    "LNX.GrubRoot": Row("FFF", "grub-root-resolves grub-searches-resolve root-arguments-fit-file-system"),
    "LNX.GrubStale": Row("WWI", "grub-settings-are-applied grub-menus-agree"),
    "LNX.GrubInstalled": Row("FWF", f"{_BOOT} grub-files-match-boot-code"),
    "LNX.UefiFallback": Row("WWW", "uefi-fallback-loader-exists"),
    "LNX.BootArgsHazard": Row("FFF", "grub-boots-the-system dracut-devices-exist grub-resume-device-exists"),
    "LNX.IfNames": Row("WWW", "interface-names-match-kernel"),
    "LNX.DefaultTarget": Row("FFF", "default-target-starts-the-system"),
    "LNX.CriticalFiles": Row("FFF", "system-programs-exist passwords-can-be-set"),
    "LNX.LibDirectory": Row("FWW", "system-directories-resolve"),
    "LNX.Fstab.Parse": Row("FFF", "fstab-parses fstab-names-root fstab-mount-points-are-absolute"),
    "LNX.Fstab.Resolve": Row("FFF", "fstab-devices-exist fstab-types-match fstab-mount-points-exist"),
    "LNX.Fstab.DeviceNames": Row("WWW", "fstab-devices-have-stable-names"),
    "LNX.Fstab.Network": Row("WWW", "fstab-network-mounts-wait"),
    "LNX.Fstab.Swap": Row("WII", "fstab-devices-exist"),
    "LNX.Crypttab": Row("FFW", "crypttab-devices-exist"),
    "LNX.Dhcp": Row("FFW", "primary-interface-uses-dhcp network-config-parses dhcp-client-installed"),
    "LNX.NetStatic": Row("WWW", "addresses-and-routes-come-from-dhcp"),
    "LNX.NetMac": Row("WWF", "network-not-bound-to-mac"),
    "LNX.NetService": Row("FFW", "network-service-enabled"),
    "LNX.NmKeyfileMode": Row("WWW", "network-config-parses"),
    "LNX.NmNoAutoDefault": Row("WWW", "networkmanager-makes-profiles"),
    "LNX.MultiNic": Row("W--", "one-interface-is-configured"),
    "LNX.Ipv6Only": Row("FF-", "primary-interface-uses-dhcp"),
    "LNX.ResolvConf": Row("WWW", "name-servers-are-not-fixed system-files-mutable"),
    "LNX.Proxy": Row("III", "no-proxy-is-set package-archives-are-public"),
    "LNX.SshInstalled": Row("FFI", "sshd-enabled"),
    "LNX.SshConfig": Row("FFW", "sshd-config-valid"),
    "LNX.SshPort": Row("WW-", "sshd-port-standard"),
    "LNX.SshPolicy": Row("WW-", "sshd-lets-the-user-in"),
    "LNX.Firewall": Row("WI-", "firewall-is-off"),
    "LNX.Selinux": Row("WI-", "selinux-mode-is-accepted"),
    "LNX.SelinuxRelabel": Row("WWW", "selinux-labels-are-there"),
    "LNX.SelinuxConfig": Row("FFF", "selinux-config-is-valid"),
    "LNX.CriticalUser": Row("FFF", "root-account-exists root-has-a-shell root-account-is-current"),
    "LNX.ExtraUid0": Row("WWW", "only-root-has-the-id-0"),
    "LNX.EmptyPassword": Row("FFF", "no-account-lacks-a-password"),
    "LNX.PasswordLogin": Row("WW-", "sshd-takes-passwords root-has-a-password"),
    "LNX.SystemFileAttribute": Row("FWW", "system-files-mutable log-files-mutable"),
    "LNX.ShadowMode": Row("WWW", "account-files-belong-to-root root-is-mounted-to-be-used"),
    "LNX.CloudInit": Row("FFW", "cloud-init-installed cloud-init-enabled cloud-init-is-recent cloud-init-modules-run"),
    "LNX.CloudInitDisabled": Row("FFW", "cloud-init-enabled"),
    "LNX.CloudInitConfig": Row("FFF", "cloud-init-config-parses cloud-init-modules-are-known"),
    "LNX.CloudInitDatasource": Row("FFW", _CLOUD),
    "LNX.CloudInitSeed": Row("FFF", "cloud-init-has-no-seed"),
    "LNX.CloudInitNetwork": Row("FFW", "primary-interface-uses-dhcp"),
    "LNX.OnlineResizeFS": Row("FW-", "root-partition-grows root-file-system-grows"),
    "LNX.CloudAssistant": Row("W--", "cloud-assistant-runs"),
    "LNX.SecurityCenterAgent": Row("W--", "security-center-agent-runs"),
    "LNX.QemuGuestAgent": Row("WI-", "qemu-guest-agent-is-absent"),
    "LNX.ForeignAgents": Row("WWW", "foreign-agents-are-not-started"),
    "HYG.MachineId": Row("WFF", "machine-id-is-unset"),
    "HYG.DbusMachineId": Row("IWW", "dbus-machine-id-follows"),
    "HYG.MachineIdBoot": Row("IIW", "boot-entries-do-not-carry-an-id host-id-is-unset"),
    "HYG.SshHostKeys": Row("WWF", "ssh-host-keys-are-made-anew"),
    "HYG.PersistentNet": Row("FFF", "network-names-are-not-persistent"),
    "HYG.DhcpState": Row("WWW", "dhcp-state-is-gone"),
    "HYG.RandomSeed": Row("IIW", "random-seed-is-gone"),
    "HYG.CloudInitState": Row("WWW", "cloud-init-state-is-gone cloud-init-clears-its-cache"),
    "HYG.CloudInitSecrets": Row("FFF", "cloud-init-data-holds-no-secret"),
    "HYG.Logs": Row("IIW", "logs-are-empty"),
    "HYG.History": Row("IWW", "shell-history-is-gone"),
    "HYG.SshKeys": Row("WWW", "ssh-keys-of-users-are-gone"),
    "HYG.PrivateKeys": Row("WWF", "private-keys-are-gone network-secrets-are-gone"),
    "HYG.CloudCreds": Row("FFF", "cloud-credentials-are-gone"),
    "HYG.AgentIds": Row("WWW", "agents-are-unregistered"),
    "HYG.TmpCache": Row("III", "caches-are-empty mail-spools-are-empty"),
    "HYG.Backups": Row("IIW", "account-backups-are-gone"),
    "HYG.Keytabs": Row("WWF", "keytabs-are-gone"),
    "HYG.Initiator": Row("IIW", "initiator-names-are-unset"),
    "HYG.LvmDevices": Row("WWW", "lvm-devices-file-is-gone"),
    "HYG.Hostname": Row("IIW", "hostname-is-generic"),
    "HYG.ScheduledJobs": Row("IIW", "no-jobs-of-users-are-left"),
    "HYG.Firstboot": Row("WWW", "first-boot-scripts-are-done first-boot-asks-nothing"),
    # Of what cloud-init reads, and of what it leaves behind.
    "CI.Accounts": Row("WI-", "cloud-init-lets-root-in"),
    "CI.HostName": Row("WWW", "cloud-init-sets-the-host-name"),
    "CI.EtcHosts": Row("W--", "cloud-init-leaves-etc-hosts"),
    "CI.VendorData": Row("WW-", "cloud-init-takes-vendor-data"),
    "CI.InstanceId": Row("WWW", "cloud-init-instance-id-is-not-fixed"),
    # Of Windows.
    "WIN.Edition": Row(
        "FWI", "windows-release-is-supported windows-release-is-maintained windows-edition-does-not-expire"
    ),
    "WIN.Hives": Row("FFF", "windows-hives-load windows-control-set-is-good windows-hives-are-small-enough"),
    "WIN.HiveLogs": Row("WWW", "windows-hives-are-written-completely windows-boot-store-is-written-completely"),
    "WIN.BootMgr": Row("FFF", "windows-boot-manager-exists"),
    "WIN.Bcd": Row(
        "FFF",
        "windows-bcd-starts-windows windows-boot-menu-leads-to-systems "
        "windows-starts-its-default-entry windows-recovery-is-there windows-boot-waits-for-nobody "
        "windows-checks-signatures-of-drivers windows-is-not-debugged windows-uses-the-whole-machine",
    ),
    "WIN.MbrVbr": Row(
        "FFF",
        "boot-loader-installed windows-boot-sector-starts-the-boot-manager windows-boot-sector-knows-its-place",
    ),
    "WIN.SafeBoot": Row("FFW", "windows-starts-in-normal-mode windows-safe-mode-can-be-started"),
    "WIN.VirtioStor": Row(
        "FF-",
        "windows-virtio-disk-driver-boots windows-virtio-disk-is-matched windows-virtio-devices-are-enabled",
    ),
    "WIN.VirtioNet": Row("FF-", "windows-virtio-net-driver-present windows-virtio-net-is-matched"),
    "WIN.VirtioOther": Row("WI-", "windows-other-virtio-drivers-present"),
    "WIN.DriverVersion": Row(
        "WI-",
        "windows-virtio-drivers-are-recent windows-virtio-packages-are-whole "
        "windows-virtio-drivers-match-their-signatures",
    ),
    "WIN.StorNvme": Row("W--", "windows-nvme-driver-boots"),
    "WIN.BootDrivers": Row("FFF", "windows-boot-drivers-exist windows-services-have-what-they-depend-on"),
    "WIN.ClassFilters": Row("FFF", "windows-class-filters-lead-to-drivers windows-network-filters-lead-to-drivers"),
    "WIN.Xen": Row("FWW", "windows-xen-hides-no-device"),
    "WIN.ForeignTools": Row("WWW", "windows-foreign-tools-are-not-started"),
    "WIN.DeviceInstall": Row("FWW", "windows-installs-devices windows-policies-let-devices-in"),
    "WIN.DriverFileReadOnly": Row("W--", "windows-virtio-driver-files-are-writable"),
    "WIN.Sysprep": Row("FFF", "windows-image-can-be-deployed windows-sysprep-was-not-interrupted"),
    "WIN.Generalized": Row("IFF", "windows-image-is-generalised"),
    "WIN.SetupPhase": Row("FFF", "windows-setup-is-not-under-way"),
    "WIN.Unattend": Row("WWF", "windows-answer-files-hold-no-secret"),
    "WIN.Cloudbase": Row("IWW", "windows-cloudbase-init-starts windows-cloudbase-init-finds-metadata"),
    "WIN.CloudbaseResidue": Row("IWW", "windows-cloudbase-init-state-is-gone"),
    "WIN.Vminit": Row(
        "F--",
        "windows-vminit-works windows-vminit-left-nothing windows-user-data-can-run "
        "windows-host-name-has-one-owner windows-system-drive-can-grow windows-disk-service-starts "
        "windows-licence-service-starts windows-update-service-starts",
    ),
    "WIN.CloudAssistant": Row("W--", "windows-cloud-assistant-runs"),
    "WIN.CoreServices": Row(
        "FWW",
        "windows-ip-helper-starts windows-dhcp-client-starts windows-time-service-starts "
        "windows-core-network-services-start",
    ),
    "WIN.NicDhcp": Row(
        "WWW",
        "windows-network-cards-use-dhcp windows-name-servers-come-from-dhcp "
        "windows-routes-are-not-persistent windows-goes-through-no-proxy windows-hosts-names-no-server",
    ),
    "WIN.Rdp": Row(
        "FW-",
        "windows-rdp-is-enabled windows-administrators-may-log-on-remotely windows-rdp-needs-no-ipsec",
    ),
    "WIN.RdpPort": Row("WWI", "windows-rdp-listens-as-usual"),
    "WIN.Firewall": Row("WI-", "windows-firewall-lets-rdp-in"),
    "WIN.Accounts": Row(
        "WIW",
        "windows-administrator-can-log-on windows-no-account-lacks-a-password windows-profiles-are-whole",
    ),
    "WIN.AutoLogon": Row("WWF", "windows-does-not-log-on-by-itself"),
    "WIN.Wsus": Row("WWW", "windows-update-server-is-reachable"),
    "WIN.Kms": Row("WWI", "windows-licence-server-is-reachable"),
    "WIN.Ntp": Row("WII", "windows-takes-the-time-from-a-server"),
    "WIN.BadHotfix": Row("FI-", "windows-has-no-known-bad-update"),
    "WIN.Sha2": Row("FW-", "windows-checks-sha2-signatures"),
    "WIN.PendingUpdate": Row("FWW", "windows-no-update-is-under-way windows-bears-its-last-name"),
    "WIN.Hibernated": Row("FFF", "windows-is-not-hibernated"),
    "WIN.PageFile": Row("WWI", "windows-pages-to-the-system-drive"),
    "WIN.BootHooks": Row(
        "FWW",
        "windows-starts-its-own-programs windows-system-drive-keeps-its-letter",
    ),
    "WIN.CriticalFiles": Row(
        "FFF",
        "windows-system-files-are-there windows-subsystem-starts windows-environment-leads-to-its-programs "
        "windows-log-on-packages-exist",
    ),
    "WIN.SanPolicy": Row("IW-", "windows-brings-new-disks-online"),
    "WIN.BcdPolicy": Row("II-", "windows-starts-again-after-a-failure"),
    "WIN.Antivirus": Row("WI-", "windows-has-no-other-antivirus"),
    "WIN.DesktopIni": Row("W--", "windows-desktop-settings-are-there"),
    "WIN.VolumeLayout": Row(
        "WWW",
        "windows-system-drive-is-ntfs windows-system-partition-is-readable "
        "windows-partitions-are-large-enough windows-partitions-are-shown "
        "windows-system-may-use-its-drive",
    ),
    "WIN.Domain": Row("WWF", "windows-belongs-to-no-domain"),
    "DSK.DynamicDisk": Row("FFF", "system-disk-is-basic"),
    "HYG.WinIds": Row("IWW", "windows-ids-are-not-shared"),
}

WITHOUT_A_RULE: Final = {
    "DSK.SchemeAllowed": "told by `show` and by the head of the report; no profile refuses MBR or GPT",
    "DSK.SinglePartition": "told by `show`; no profile asks for one partition",
    "LNX.VirtioScsi": "no profile's platform boots from virtio-scsi; what the root needs has rules of its own",
    "LNX.Console": "told by `show`; no profile asks for a serial console",
    "LNX.Ena": "AWS alone",
    "LNX.HyperV": "Azure alone",
    "LNX.AzureArgs": "Azure alone",
    "LNX.WaAgent": "Azure alone",
    "LNX.GuestEnv": "AWS and Google Cloud alone",
    "WIN.AwsDrivers": "AWS alone",
    "WIN.MinVersions": "Azure alone",
    "WIN.CrashDump": "no profile here judges it: a fact for a person",
    "WIN.License": "no profile here judges it; `show` names the product, an evaluation among them",
    "WIN.PowerShell": "no profile here judges it: what user data need is the matter of windows-user-data-can-run",
    "CI.Generator": "without it cloud-init is always enabled, which its units tell",
    "CI.Snippet": "50-cloud-init.conf is read with sshd_config: sshd-takes-passwords and sshd-config-valid judge it",
}
"""Rows that are deliberately no rule, and why."""

OTHER_CELLS: Final = {
    "LNX.GrubRoot": ("FFW", "a root that is not found starts on no cloud"),
    "LNX.DefaultTarget": ("WWW", "a system that halts at once, or asks for a password at its console, is no warning"),
    "LNX.NetStatic": ("FWW", "the first interface's own address is judged by LNX.Dhcp"),
    "LNX.Ipv6Only": ("WW-", "without an IPv4 address the first interface fails LNX.Dhcp"),
}
"""Rows whose cells were others when they were researched, and why they are not now."""

_SERVER: Final = "the data of a server, which an image may be made for"

OPERATIONS: Final = {
    "abrt-data": "crash-dumps-are-gone",
    "backup-files": "account-backups-are-gone",
    "bash-history": "shell-history-is-gone",
    "blkid-tab": "caches-are-empty",
    "crash-data": "crash-dumps-are-gone",
    "cron-spool": "no-jobs-of-users-are-left",
    "dhcp-client-state": "dhcp-state-is-gone",
    "dhcp-server-state": "caches-are-empty",
    "dovecot-data": "caches-are-empty",
    "flag-reconfiguration": "first-boot-asks-nothing",
    "ipa-client": "keytabs-are-gone",
    "kerberos-hostkeytab": "keytabs-are-gone",
    "logfiles": "logs-are-empty",
    "lvm-system-devices": "lvm-devices-file-is-gone",
    "machine-id": "machine-id-is-unset dbus-machine-id-follows",
    "mail-spool": "mail-spools-are-empty",
    "net-hostname": "hostname-is-generic",
    "net-hwaddr": "network-not-bound-to-mac",
    "net-nmconn": "network-not-bound-to-mac network-secrets-are-gone addresses-and-routes-come-from-dhcp",
    "pacct-log": "caches-are-empty",
    "package-manager-cache": "caches-are-empty",
    "passwd-backups": "account-backups-are-gone",
    "puppet-data-log": "agents-are-unregistered logs-are-empty",
    "rh-subscription-manager": "agents-are-unregistered",
    "rhn-systemid": "agents-are-unregistered",
    "rpm-db": "caches-are-empty",
    "samba-db-log": "keytabs-are-gone logs-are-empty",
    "smolt-uuid": "agents-are-unregistered",
    "ssh-hostkeys": "ssh-host-keys-are-made-anew",
    "ssh-userdir": "ssh-keys-of-users-are-gone private-keys-are-gone",
    "sssd-db-log": "keytabs-are-gone logs-are-empty",
    "tmp-files": "caches-are-empty",
    "udev-persistent-net": "network-names-are-not-persistent",
    "utmp": "logs-are-empty",
    "yum-uuid": "agents-are-unregistered",
    "zsh-history": "shell-history-is-gone",
}
WITHOUT_AN_ANSWER: Final = {
    "ca-certificates": "public; private-keys-are-gone tells of the keys beside them",
    "customize": "an action, not a state of the guest",
    "firewall-rules": "an image's own rules may be meant; firewall-is-off shows them",
    "fs-uuids": "every copy has those of the image; boot-devices-are-unambiguous tells of two in one machine",
    "kerberos-data": _SERVER,
    "lvm-uuids": "every copy has those of the image, and sees no other disk with them",
    "pam-data": "it lies below /run, which is empty at boot",
    "script": "an action, not a state of the guest",
    "user-account": "accounts of people belong to many images; their keys, histories and passwords have rules",
}
