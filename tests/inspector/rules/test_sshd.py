from __future__ import annotations

from typing import Any

import pytest

from inspector.disks.disk import Volume
from inspector.facts import Facts, UnknownFact
from inspector.facts.accounts import Accounts
from inspector.facts.cloud_init import CloudInit
from inspector.facts.services import Services
from inspector.facts.sshd import Sshd
from inspector.rules import sshd as rules
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from tests.facts_of import facts_of
from tests.memory_tree import Dir, File, Link

CONFIG = "/etc/ssh/sshd_config"
UNIT = "/usr/lib/systemd/system/ssh.service"
WANTS = "/etc/systemd/system/multi-user.target.wants"
CLOUD_UNITS = ("cloud-init-local", "cloud-init", "cloud-config", "cloud-final")
STATUS = "Package: openssh-server\nStatus: install ok installed\nArchitecture: amd64\nVersion: {}\n\n"
INSTALL = (
    "[Service]\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n"
)
KEY = File("-----BEGIN OPENSSH PRIVATE KEY-----\n", mode=0o600)
KEYS = "/root/.ssh/authorized_keys"
KEY_PATH = "/etc/ssh/ssh_host_ed25519_key"
DROP_IN = "/etc/systemd/system/ssh.socket.d/port.conf"
OK, W, F = Status.OK, Status.WARNING, Status.FAILED

GUEST: dict[str, Any] = {
    "/etc/debian_version": "12.5\n",
    "/etc/os-release": "ID=debian\n",
    "/etc/machine-id": "",
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/bin/false\nbob:x:1000:1000::/:/bin/sh\n",
    "/etc/shadow": "root:*:1::::::\n",
    "/etc/group": "root:x:0:\nadm:x:4:root,bob\nbob:x:1000:\n",
    "/var/lib/dpkg/status": STATUS.format("1:9.2p1-2+deb12u3"),
    "/usr/lib/systemd/systemd": File("\x7fELF", mode=0o755),
    "/usr/lib/systemd/system/multi-user.target": "[Unit]\n",
    "/usr/lib/systemd/system/default.target": Link("multi-user.target"),
    "/usr/lib/systemd/system/sockets.target": "[Unit]\n",
    UNIT: INSTALL,
    f"{WANTS}/ssh.service": Link(UNIT),
    "/usr/sbin/sshd": File("\x7fELF", mode=0o755),
    "/usr/bin/ssh-keygen": File("\x7fELF", mode=0o755),
    "/root": Dir(),
    CONFIG: "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n",
}
CLOUD_INIT: dict[str, Any] = {
    "/usr/bin/cloud-init": File("#!/usr/bin/python3\n", mode=0o755),
    "/usr/bin/python3": File("\x7fELF", mode=0o755),
    "/etc/cloud/cloud.cfg": "cloud_init_modules:\n - ssh\n",
    **{
        f"/usr/lib/systemd/system/{unit}.service": INSTALL.replace("sshd -D", "../bin/cloud-init")
        for unit in CLOUD_UNITS
    },
    **{f"{WANTS}/{unit}.service": Link(f"/usr/lib/systemd/system/{unit}.service") for unit in CLOUD_UNITS},
}


def facts(files: dict[str, Any] | None = None, *others: Volume, without: tuple[str, ...] = ()) -> Facts:
    made = {**GUEST, **(files or {})}
    return facts_of({path: node for path, node in made.items() if path not in without}, *others)


BY_PROGRAM = {"/usr/sbin/sshd": File(b"\x7fELF OpenSSH_9.2p1\0", mode=0o755)}


def with_config(text: str, **files: Any) -> Facts:
    return facts({CONFIG: text, **files})


def places(verdict: Verdict) -> list[str]:
    return [str(evidence.place) for evidence in verdict.evidence]


# -- sshd-enabled ------------------------------------------------------------------------------------------------------


def test_sshd_enabled_is_ok_by_service_and_by_socket() -> None:
    verdict = rules.sshd_enabled(facts())
    assert (verdict.status, places(verdict)) == (OK, [f"{WANTS}/ssh.service"])
    socket = {
        "/usr/lib/systemd/system/ssh.socket": "[Socket]\nListenStream=22\n[Install]\nWantedBy=sockets.target\n",
        "/etc/systemd/system/sockets.target.wants/ssh.socket": Link("/usr/lib/systemd/system/ssh.socket"),
        "/usr/lib/systemd/system/multi-user.target": "[Unit]\nRequires=sockets.target\n",
    }
    verdict = rules.sshd_enabled(facts(socket, without=(f"{WANTS}/ssh.service",)))
    assert verdict.status is OK


@pytest.mark.parametrize(
    ("files", "without", "place"),
    [
        ({}, (f"{WANTS}/ssh.service",), UNIT),
        ({"/etc/systemd/system/ssh.service": Link("/dev/null")}, (), "/etc/systemd/system/ssh.service"),
        ({"/etc/ssh/sshd_not_to_be_run": ""}, (), "/etc/ssh/sshd_not_to_be_run"),
        ({}, ("/usr/sbin/sshd",), "/usr/sbin/sshd"),
        ({}, (UNIT, f"{WANTS}/ssh.service"), "/usr/sbin/sshd"),
    ],
    ids=["disabled", "masked", "blocked", "not installed", "no unit"],
)
def test_sshd_that_does_not_start_is_a_failure(files: dict[str, Any], without: tuple[str, ...], place: str) -> None:
    verdict = rules.sshd_enabled(facts(files, without=without))
    assert verdict.status is F
    assert place in places(verdict)
    assert rules.sshd_enabled(facts()).status is OK


def test_another_server_is_a_warning() -> None:
    other = {
        "/usr/lib/systemd/system/dropbear.service": INSTALL,
        f"{WANTS}/dropbear.service": Link("/usr/lib/systemd/system/dropbear.service"),
    }
    assert rules.sshd_enabled(facts(other, without=("/usr/sbin/sshd", UNIT, f"{WANTS}/ssh.service"))).status is W


# -- sshd-config-valid -------------------------------------------------------------------------------------------------


def test_sshd_config_valid_is_ok_and_names_the_files() -> None:
    verdict = rules.sshd_config_valid(facts({"/etc/ssh/sshd_config.d/50.conf": "PermitRootLogin yes\n"}))
    assert (verdict.status, places(verdict)) == (OK, [CONFIG, "/etc/ssh/sshd_config.d/50.conf"])


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({CONFIG: "UsePAM yes\nPermitRootLogn yes\n"}, f"{CONFIG}:2"),
        ({CONFIG: "X11Forwarding maybe\n"}, f"{CONFIG}:1"),
        ({CONFIG: "\n\nMatch Usr bob\n"}, f"{CONFIG}:3"),
        ({CONFIG: "Match User bob\nPort 22\n"}, f"{CONFIG}:2"),
        ({"/etc/ssh/sshd_config.d/60.conf": "# x\nCiphers no\n"}, "/etc/ssh/sshd_config.d/60.conf:2"),
        ({"/etc/ssh/sshd_config.d/60.conf": Link("/nowhere")}, f"{CONFIG}:1"),
        ({CONFIG: "Include more/*\n", "/etc/ssh/more/a": "Nope 1\n"}, "/etc/ssh/more/a:1"),
        ({CONFIG: "AuthorizedKeysCommand /bin/x\n"}, f"{CONFIG}:1"),
        ({CONFIG: "Include /etc/ssh/sshd_config\n"}, f"{CONFIG}:1"),
    ],
    ids=["keyword", "value", "match", "not in match", "include", "dangling", "relative", "cross", "loop"],
)
def test_a_line_that_sshd_refuses_is_a_failure_at_its_place(files: dict[str, Any], place: str) -> None:
    verdict = rules.sshd_config_valid(facts(files))
    assert (verdict.status, places(verdict)) == (F, [place])
    assert rules.sshd_config_valid(facts()).status is OK


def test_no_configuration_is_a_failure() -> None:
    assert rules.sshd_config_valid(facts(without=(CONFIG,))).status is F


def test_the_configuration_of_the_vendor_stands_in() -> None:
    verdict = rules.sshd_config_valid(facts({"/usr/etc/ssh/sshd_config": "UsePAM no\n"}, without=(CONFIG,)))
    assert (verdict.status, places(verdict)) == (OK, ["/usr/etc/ssh/sshd_config"])


@pytest.mark.parametrize(
    ("version", "text", "status"),
    [
        ("1:9.2p1-2+deb12u3", "ChannelTimeout none\n", OK),
        ("1:8.4p1-5+deb11u3", "ChannelTimeout none\n", F),
        ("1:8.4p1-5+deb11u3", "UsePAM yes\n", OK),
        ("1:9.2p1-2", "PerSourcePenalties yes\n", F),
        ("1:10.0p1-7", "PerSourcePenalties yes\n", OK),
        ("1:10.0p1-7", "KexAlgorithms mlkem768x25519-sha256\n", OK),
        ("1:10.0p1-7", "HostKeyAlgorithms +ssh-dss\n", F),
        ("1:7.4p1-10", "KexAlgorithms +diffie-hellman-group1-sha1\nCiphers arcfour\n", OK),
        ("1:11.3p1-1", "UsePAM yes\n", W),
        ("1:11.3p1-1", "NewKeyword yes\n", W),
        ("1:4.3p2-9", "UsePAM yes\n", W),
        ("1:6.0p1-4", "UsePAM yes\n", OK),
        ("1:6.0p1-4", "Nope yes\n", F),
        ("1:6.6p1-2ubuntu2", "PermitRootLogin prohibit-password\n", F),
        ("1:6.6p1-2ubuntu2", "PermitRootLogin without-password\n", OK),
        ("1:6.6p1-2ubuntu2", "UsePAM yes # trailing\n", F),
        ("1:6.6p1-2ubuntu2", "UsePrivilegeSeparation maybe\n", F),
        ("1:6.6p1-2ubuntu2", "KexAlgorithms +diffie-hellman-group1-sha1\n", F),
    ],
)
def test_what_is_valid_depends_on_the_release(version: str, text: str, status: Status) -> None:
    verdict = rules.sshd_config_valid(with_config(text, **{"/var/lib/dpkg/status": STATUS.format(version)}))
    assert verdict.status is status
    assert verdict.known is (status is not W)


def test_the_program_says_its_release_where_no_package_does() -> None:
    program = File(b"\x7fELF" + bytes(9000) + b"OpenSSH_8.0p1\0", mode=0o755)
    files = {"/usr/sbin/sshd": program, CONFIG: "Include x\n"}
    verdict = rules.sshd_config_valid(facts(files, without=("/var/lib/dpkg/status",)))
    assert verdict.status is F  # Include came with 8.2
    verdict = rules.sshd_config_valid(facts({CONFIG: "UsePAM yes\n"}, without=("/var/lib/dpkg/status",)))
    assert (verdict.status, verdict.known, places(verdict)) == (W, False, ["/usr/sbin/sshd"])


def test_patches_of_the_distribution_count() -> None:
    text = "KerberosUseKuserok yes\n"
    assert rules.sshd_config_valid(with_config(text)).status is F
    redhat = facts({CONFIG: text, "/etc/os-release": "ID=rocky\nID_LIKE='rhel centos fedora'\n", **BY_PROGRAM})
    assert rules.sshd_config_valid(redhat).status is OK
    nobody = facts({CONFIG: text, "/etc/os-release": "ID=other\n", **BY_PROGRAM})
    verdict = rules.sshd_config_valid(nobody)
    assert (verdict.status, verdict.known, places(verdict)) == (W, False, [f"{CONFIG}:1"])


@pytest.mark.parametrize(("text", "status"), [("ShowPatchLevel no\n", W), ("UsePAM maybe\n", F), ("UsePAM yes\n", W)])
def test_a_release_that_cannot_be_told_leaves_open_what_some_release_takes(text: str, status: Status) -> None:
    files = {CONFIG: text, "/etc/os-release": "ID=centos\n"}
    verdict = rules.sshd_config_valid(facts(files, without=("/var/lib/dpkg/status",)))
    assert (verdict.status, verdict.known) == (status, status is F)


@pytest.mark.parametrize(
    "files",
    [{CONFIG: "ListenAddress gateway.example\n"}, {"/etc/default/ssh": "SSHD_OPTS='-f /etc/ssh/other'\n"}],
    ids=["host name", "other file"],
)
def test_what_only_the_guest_can_tell_is_not_ok(files: dict[str, Any]) -> None:
    verdict = rules.sshd_config_valid(facts(files))
    assert (verdict.status, verdict.known) == (W, False)


# -- sshd-keywords-are-current -----------------------------------------------------------------------------------------


def test_a_keyword_of_the_past_is_a_warning_until_it_is_removed() -> None:
    verdict = rules.sshd_keywords_are_current(with_config("Protocol 2\nUsePrivilegeSeparation yes\nUsePAM yes\n"))
    assert (verdict.status, places(verdict)) == (W, [f"{CONFIG}:2"])
    assert rules.sshd_keywords_are_current(with_config("Protocol 2\nUsePAM yes\n")).status is OK


# -- sshd-port-standard ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status", "place"),
    [
        ("", OK, CONFIG),
        ("Port 22\n", OK, f"{CONFIG}:1"),
        ("Port ssh\n", OK, f"{CONFIG}:1"),
        ("Port 2222\nPort 22\n", OK, f"{CONFIG}:2"),
        ("Port 2222\n", W, f"{CONFIG}:1"),
        ("ListenAddress 0.0.0.0:2222\n", W, f"{CONFIG}:1"),
        ("ListenAddress 0.0.0.0:2222\nPort 22\n", W, f"{CONFIG}:1"),
        ("ListenAddress 0.0.0.0:2222\nListenAddress 0.0.0.0\n", OK, CONFIG),
        ("Match all\nPort 2222\n", W, f"{CONFIG}:2"),
    ],
)
def test_the_port(text: str, status: Status, place: str) -> None:
    verdict = rules.sshd_port_standard(with_config(text), port=22)
    assert verdict.status is status
    assert place in places(verdict)


def test_a_port_on_the_command_line_wins() -> None:
    verdict = rules.sshd_port_standard(facts({"/etc/default/ssh": "# x\nSSHD_OPTS=-p2022\n"}), port=22)
    assert (verdict.status, places(verdict)) == (W, ["/etc/default/ssh:2"])


def test_a_socket_has_ports_of_its_own() -> None:
    files = {
        "/usr/lib/systemd/system/ssh.socket": "[Socket]\nListenStream=22\n",
        "/usr/lib/systemd/system/multi-user.target": "[Unit]\nRequires=ssh.socket\n",
        DROP_IN: "[Socket]\nListenStream=\nListenStream=0.0.0.0:2022\n",
        CONFIG: "Port 22\n",
    }
    verdict = rules.sshd_port_standard(facts(files), port=22)
    assert (verdict.status, places(verdict)) == (W, [f"{DROP_IN}:3"])
    generator = {"/usr/lib/systemd/system-generators/sshd-socket-generator": "x"}
    assert rules.sshd_port_standard(facts({**files, **generator}), port=22).status is W
    early = {**files, **generator, "/etc/systemd/system/ssh.socket.d/00.conf": files[DROP_IN], CONFIG: "UsePAM yes\n"}
    del early[DROP_IN]
    assert rules.sshd_port_standard(facts(early), port=22).status is W  # nothing is generated for the defaults
    assert rules.sshd_port_standard(facts({**early, CONFIG: "Port 22\n"}), port=22).status is OK


# -- sshd-listens-to-the-network ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", OK),
        ("ListenAddress 0.0.0.0\n", OK),
        ("ListenAddress ::\nListenAddress 10.0.0.5\n", OK),
        ("ListenAddress 127.0.0.1\n", F),
        ("ListenAddress localhost\nListenAddress ::1\n", F),
        ("ListenAddress 10.0.0.5\n", W),
        ("ListenAddress 10.0.0.5\nListenAddress 127.0.0.1\n", W),
        ("AddressFamily inet6\n", W),
        ("AddressFamily inet\n", OK),
    ],
)
def test_the_addresses(text: str, status: Status) -> None:
    verdict = rules.sshd_listens_to_the_network(with_config(text))
    assert verdict.status is status
    assert text.split()[:1] == [] or verdict.evidence[0].place.path == CONFIG


# -- sshd-user-exists --------------------------------------------------------------------------------------------------


def test_the_user_sshd() -> None:
    verdict = rules.sshd_user_exists(facts())
    assert (verdict.status, places(verdict)) == (OK, ["/etc/passwd:2"])
    verdict = rules.sshd_user_exists(facts({"/etc/passwd": "root:x:0:0::/root:/bin/sh\n"}))
    assert (verdict.status, places(verdict)) == (F, ["/etc/passwd"])
    verdict = rules.sshd_user_exists(facts(without=("/etc/passwd",)))
    assert (verdict.status, verdict.known) == (W, False)


# -- sshd-host-keys-available ------------------------------------------------------------------------------------------


def keys(files: dict[str, Any], without: tuple[str, ...] = ()) -> Verdict:
    return rules.sshd_host_keys_available(facts(files, without=without))


TEMPLATE = "/usr/lib/systemd/system/sshd-keygen@.service"
KEYGEN: dict[str, Any] = {
    TEMPLATE: "[Service]\nType=oneshot\nExecStart=/usr/bin/ssh-keygen -A\n",
    "/usr/lib/systemd/system/sshd-keygen.target": "[Unit]\nWants=sshd-keygen@rsa.service\n",
    UNIT: INSTALL.replace("[Service]", "[Unit]\nWants=sshd-keygen.target\n[Service]", 1),
}
KEPT_OFF = {
    "/etc/systemd/system/sshd-keygen@.service.d/disable-sshd-keygen-if-cloud-init-active.conf": "[Unit]\n"
    "ConditionPathExists=!/run/systemd/generator.early/multi-user.target.wants/cloud-init.target\n"
}


def test_red_hats_key_maker_leaves_keys_to_cloud_init_where_that_runs() -> None:
    without = {**CLOUD_INIT, "/etc/cloud/cloud.cfg": "cloud_init_modules:\n - growpart\n"}
    assert keys({**KEYGEN, **KEPT_OFF}).status is OK  # there is no cloud-init
    assert keys({**KEYGEN, **without}).status is OK  # there is no drop-in
    verdict = keys({**KEYGEN, **KEPT_OFF, **without})
    assert (verdict.status, "/etc/ssh/ssh_host_rsa_key" in places(verdict)) == (F, True)
    assert keys({**KEYGEN, **KEPT_OFF, **without, "/etc/cloud/cloud-init.disabled": ""}).status is OK
    assert keys({**KEYGEN, **KEPT_OFF, **CLOUD_INIT}).status is OK


def test_cloud_init_makes_keys_whether_or_not_there_are_some() -> None:
    assert keys(CLOUD_INIT).status is OK
    assert keys({**CLOUD_INIT, KEY_PATH: KEY}).status is OK


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({}, "/etc/ssh/ssh_host_rsa_key"),
        ({**CLOUD_INIT, "/etc/cloud/cloud-init.disabled": ""}, "/etc/cloud/cloud-init.disabled"),
        ({**CLOUD_INIT, "/etc/cloud/cloud.cfg": "cloud_init_modules:\n - growpart\n"}, "/etc/cloud/cloud.cfg"),
        ({KEY_PATH: File("x", mode=0o644)}, KEY_PATH),
        ({KEY_PATH: File("", mode=0o600)}, KEY_PATH),
        ({CONFIG: "HostKey /etc/keys/one\n", KEY_PATH: KEY}, "/etc/keys/one"),
    ],
    ids=["none", "cloud-init off", "no module", "open to all", "empty", "elsewhere"],
)
def test_no_key_and_nothing_that_makes_one_is_a_failure(files: dict[str, Any], place: str) -> None:
    verdict = keys(files)
    assert verdict.status is F
    assert place in places(verdict)
    files = {**files, CONFIG: ""}  # cloud-init makes no keys but the usual ones
    assert keys({**files, **CLOUD_INIT}, without=("/etc/cloud/cloud-init.disabled",)).status is OK


def test_keys_that_every_instance_would_share_are_a_warning() -> None:
    assert keys({KEY_PATH: KEY}).status is W
    kept = {**CLOUD_INIT, KEY_PATH: KEY, "/etc/cloud/cloud.cfg": "ssh_deletekeys: false\ncloud_init_modules: [ssh]\n"}
    verdict = keys(kept)
    assert verdict.status is W
    assert "/etc/cloud/cloud.cfg:1" in places(verdict)


@pytest.mark.parametrize("types", ["~", "[]"])
def test_cloud_init_that_makes_no_kind_of_key_leaves_none(types: str) -> None:
    config = {"/etc/cloud/cloud.cfg": f"ssh_genkeytypes: {types}\ncloud_init_modules: [ssh]\n"}
    verdict = keys({**CLOUD_INIT, **config})
    assert (verdict.status, "/etc/cloud/cloud.cfg:1" in places(verdict)) == (F, True)
    assert keys({**CLOUD_INIT, **config, KEY_PATH: KEY}).status is F  # it removes those that are there
    config["/etc/cloud/cloud.cfg"] += "ssh_deletekeys: false\n"
    assert keys({**CLOUD_INIT, **config, KEY_PATH: KEY}).status is W


def test_a_unit_may_make_them() -> None:
    maker = {UNIT: INSTALL.replace("[Service]\n", "[Service]\nExecStartPre=/usr/bin/ssh-keygen -A\n")}
    verdict = keys(maker)
    assert (verdict.status, places(verdict)) == (OK, [f"{UNIT}:2"])
    other = {
        "/usr/lib/systemd/system/sshd-keygen.service": INSTALL,
        f"{WANTS}/sshd-keygen.service": Link("/usr/lib/systemd/system/sshd-keygen.service"),
    }
    assert keys(other).status is OK


# -- sshd-lets-the-user-in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", OK),
        ("PermitRootLogin yes\n", OK),
        ("PermitRootLogin no\n", W),
        ("PermitRootLogin yes\nPermitRootLogin no\n", OK),
        ("PermitRootLogin forced-commands-only\n", W),
        ("Match User bob\nPermitRootLogin no\n", OK),
        ("AllowUsers bob\n", W),
        ("AllowUsers bob\nAllowUsers r*\n", OK),
        ("DenyUsers bob root\n", W),
        ("AllowGroups adm\n", OK),
        ("AllowGroups wheel\n", W),
        ("DenyGroups root\n", W),
        ("PasswordAuthentication no\nKbdInteractiveAuthentication no\n", OK),
        ("PubkeyAuthentication no\n", W),
        ("PubkeyAuthentication no\nPermitRootLogin yes\n", OK),
        ("PubkeyAuthentication no\nPermitRootLogin yes\nPasswordAuthentication no\n", W),
        ("PubkeyAuthentication no\nPermitRootLogin yes\nPasswordAuthentication no\nUsePAM yes\n", OK),
        ("AuthorizedKeysFile none\n", W),
        ("DenyUsers root@*\n", W),
        ("AllowUsers root@10.0.0.1\n", W),
        ("ForceCommand /bin/false\n", W),
        ("ForceCommand none\n", OK),
        ("MaxSessions 0\n", W),
        ("ChrootDirectory /srv/none\n", W),
        ("ChrootDirectory /root\n", OK),
        ("Match User root\nDenyUsers root\n", W),
        ("Match User !root,*\nPermitRootLogin no\n", OK),
        ("PermitRootLogin yes\nMatch Group root\nPermitRootLogin no\n", W),
        ("PermitRootLogin no\nMatch User root\nPermitRootLogin yes\n", OK),
        ("Match Address 0.0.0.0/0\nPermitRootLogin no\n", W),
        ("Match Address 10.0.0.0/8\nPermitRootLogin no\n", OK),
        ("Match Address *,!10.0.0.0/8 User root\nPermitRootLogin no\n", W),
        ("Match LocalPort 22\nPermitRootLogin no\n", W),
        ("Match LocalPort ssh LocalAddress *\nPermitRootLogin no\n", W),
        ("Match User r[o]ot\nPermitRootLogin no\n", OK),
        ('Match User "root"\nPermitRootLogin no\n', W),
        ("Match all\nPermitRootLogin no\nMatch User root\nPermitRootLogin yes\n", W),
        ("Match User root\nPermitRootLogin yes\nMatch all\nPermitRootLogin no\n", OK),
        ("Match User root\nPermitRootLogin yes\nMatch User root\nPermitRootLogin no\n", OK),
        ("PasswordAuthentication no\nKbdInteractiveAuthentication no\nPubkeyAuthentication no\n", W),
    ],
)
def test_the_login_of_root(text: str, status: Status) -> None:
    verdict = rules.sshd_lets_the_user_in(facts({CONFIG: text, KEYS: "ssh-ed25519 AAAA root\n"}), user="root")
    assert verdict.status is status
    assert status is OK or verdict.evidence[0].place.line is not None


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({}, W),
        ({CONFIG: "PermitRootLogin yes\n"}, OK),
        ({KEYS: "# none\n\n"}, W),
        ({KEYS: "ssh-ed25519 AAAA root\n"}, OK),
        (CLOUD_INIT, OK),
        ({**CLOUD_INIT, "/etc/cloud/cloud-init.disabled": ""}, W),
    ],
)
def test_root_without_password_login_needs_a_key(files: dict[str, Any], status: Status) -> None:
    verdict = rules.sshd_lets_the_user_in(facts(files), user="root")
    assert verdict.status is status
    assert status is OK or places(verdict) == [CONFIG, CONFIG]


@pytest.mark.parametrize(
    ("allow", "deny", "status"),
    [
        ("", "ALL: ALL\n", W),
        ("", "# ALL: ALL\nsshd : \\\n ALL EXCEPT 10.\n", W),
        ("", "ALL EXCEPT sshd: ALL\n", OK),
        ("", "vsftpd: ALL\n", OK),
        ("", "sshd: 10.0.0.\n", OK),
        ("", "sshd: ALL: allow\n", OK),
        ("sshd: ALL\n", "ALL: ALL\n", OK),
        ("sshd: ALL: deny\n", "", W),
    ],
)
def test_tcp_wrappers_refuse_clients(allow: str, deny: str, status: Status) -> None:
    files = {CONFIG: "PermitRootLogin yes\n", "/etc/hosts.allow": allow, "/etc/hosts.deny": deny}
    assert rules.sshd_lets_the_user_in(facts(files), user="root").status is status
    arch = facts({**files, "/etc/os-release": "ID=arch\n", **BY_PROGRAM})
    assert rules.sshd_lets_the_user_in(arch, user="root").status is OK


def test_keys_alone_are_enough_with_cloud_init() -> None:
    text = "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    assert rules.sshd_lets_the_user_in(facts({**CLOUD_INIT, CONFIG: text}), user="root").status is OK


def test_another_user_does_not_need_the_login_of_root() -> None:
    text = "PermitRootLogin no\nAllowGroups bob\n"
    assert rules.sshd_lets_the_user_in(with_config(text), user="bob").status is OK
    assert rules.sshd_lets_the_user_in(with_config(text), user="eve").known is False


# -- all ---------------------------------------------------------------------------------------------------------------

PARAMETERS: dict[str, dict[str, Any]] = {"sshd-port-standard": {"port": 22}, "sshd-lets-the-user-in": {"user": "root"}}


@pytest.mark.parametrize("judge", rules.RULES, ids=lambda judge: judge.name)
def test_unknown_is_never_ok(judge: Rule) -> None:
    missing = UnknownFact("no root file system")
    nouns: tuple[type[Any], ...] = (Sshd, Services, Accounts, CloudInit)
    verdict = judge(Facts(dict.fromkeys(nouns, missing)), **PARAMETERS.get(judge.name, {}))
    assert (verdict.status, verdict.known) == (W, False)
    assert "no root file system" in verdict.evidence[0].seen


@pytest.mark.parametrize("judge", rules.RULES[1:], ids=lambda judge: judge.name)
def test_without_sshd_only_its_absence_is_told(judge: Rule) -> None:
    with pytest.raises(NotApplicable, match="sshd is not installed"):
        judge(facts(without=("/usr/sbin/sshd",)), **PARAMETERS.get(judge.name, {}))


@pytest.mark.parametrize(
    ("cfg", "status"),
    [
        ("system_info:\n  default_user:\n    name: bob\n", OK),
        ("system_info:\n  default_user:\n    name: root\n", W),
        ("", W),
    ],
)
def test_the_user_whom_cloud_init_makes_may_be_the_one(cfg: str, status: Status) -> None:
    files = {**CLOUD_INIT, "/etc/cloud/cloud.cfg": f"{cfg}cloud_init_modules:\n - ssh\n"}
    made = facts({**files, CONFIG: "PermitRootLogin no\nUsePAM yes\n"})
    assert rules.sshd_lets_the_user_in(made, user="").status is status


def ways(text: str, **files: Any) -> list[str]:
    return [
        item.seen
        for item in rules.sshd_lets_the_user_in(with_config(text, **CLOUD_INIT, **files), user="root").evidence
    ]


def test_a_password_is_no_way_in_where_root_needs_a_key() -> None:
    assert ways("UsePAM yes\n") == ["PermitRootLogin prohibit-password", "PubkeyAuthentication yes"]
    permitted = ["PermitRootLogin yes", "PubkeyAuthentication yes", "PasswordAuthentication yes"]
    assert ways("PermitRootLogin yes\n") == permitted
    old = {"/var/lib/dpkg/status": STATUS.format("1:6.6p1-2ubuntu2")}
    assert ways("UsePAM yes\n", **old) == permitted  # the default before 7.0
