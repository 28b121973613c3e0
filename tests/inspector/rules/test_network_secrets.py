from __future__ import annotations

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.network_secrets import network_secrets_are_gone
from inspector.verdict import Status
from tests.inspector.boots import facts, text

PROFILE = "/etc/NetworkManager/system-connections/office.nmconnection"
WG = "iAZ2bXyXiAZ2bXyXiAZ2bXyXiAZ2bXyXiAZ2bXyXiAY="
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\n"
FSTAB = text("/etc/fstab")


@pytest.mark.parametrize(
    ("path", "content", "line", "key"),
    [
        (PROFILE, "[wifi-security]\nkey-mgmt=wpa-psk\npsk=hunter2\n", 3, "psk"),
        (PROFILE, "[vpn-secrets]\npassword=hunter2\n", 2, "password"),
        (PROFILE, f"[wireguard]\nprivate-key={WG}\n", 2, "private-key"),
        (PROFILE, "[802-1x]\nprivate-key=/etc/ssl/k.pem\nprivate-key-password=hunter2\n", 3, "private-key-password"),
        (PROFILE, "[wifi-security]\npsk=#hunter2\n", 2, "psk"),
        ("/etc/netplan/50-wg.yaml", f"network:\n  tunnels:\n    wg0:\n      key: {WG}\n", 4, "key"),
        ("/etc/wpa_supplicant/wpa_supplicant-wlan0.conf", 'network={\n\tpsk="hunter2"\n}\n', 2, "psk"),
        ("/etc/netplan/50-wifi.yaml", "network:\n  wifis:\n    w:\n        password: 'hunter2'\n", 4, "password"),
        ("/var/lib/iwd/office.psk", "[Security]\nPreSharedKey=hunter2\n", 2, "presharedkey"),
        ("/var/lib/connman/wifi_x/settings", "[wifi_x]\nPassphrase=hunter2\n", 2, "passphrase"),
        ("/etc/wireguard/wg0.conf", "[Interface]\nPrivateKey = hunter2=\n", 2, "privatekey"),
        ("/etc/systemd/network/wg0.netdev", "[WireGuard]\nPrivateKey=hunter2=\n", 2, "privatekey"),
        ("/etc/ipsec.secrets", '# keys\nhome office : PSK "hunter2"\n', 2, "psk"),
        ("/etc/openvpn/client.conf", f"client\n<key>\n{KEY}</key>\n", 3, "begin rsa private key"),
        ("/etc/fstab", f"{FSTAB}//nas/x /mnt cifs user=a,password=hunter2 0 0\n", FSTAB.count("\n") + 1, "password"),
        ("/etc/apt/auth.conf.d/90x.conf", "machine m login l password hunter2\n", 1, "password"),
        ("/etc/environment", "PATH=/bin\nhttp_proxy=http://ann:hunter2@proxy:3128/\n", 2, "a password in an address"),
        ("/etc/yum.conf", "[main]\nproxy_password=hunter2\n", 2, "proxy_password"),
    ],
)
def test_a_secret_has_its_line_is_not_shown_and_removing_it_mends_it(
    path: str, content: str, line: int, key: str
) -> None:
    verdict = network_secrets_are_gone(facts({path: content}))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [(it.place.path, it.place.line, it.seen) for it in verdict.evidence] == [
        (path, line, f"{key} (its value is not shown)")
    ]
    assert "hunter2" not in str(verdict)
    assert WG not in str(verdict)
    assert network_secrets_are_gone(facts()).status is Status.OK


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (PROFILE, "[802-1x]\nprivate-key=/etc/ssl/private/k.pem\n"),
        (
            "/etc/netplan/50-wg.yaml",
            "network:\n  tunnels:\n    wg0:\n      key: /etc/wireguard/k\n      password: # none\n",
        ),
        ("/etc/wpa_supplicant.conf", 'network={\n\tpsk=""\n}\n'),
        (PROFILE, "[wifi-security]\nkey-mgmt=wpa-psk\npsk-flags=1\n#psk=hunter2\npsk=\n"),
        ("/etc/wireguard/wg0.conf", "[Peer]\nPublicKey = AAAA=\n"),
        ("/etc/ipsec.secrets", "include /var/lib/strongswan/ipsec.secrets.inc\n# : PSK x\n"),
        ("/etc/fstab", f"{FSTAB}//nas/x /mnt cifs credentials=/root/c 0 0\n"),
        ("/etc/environment", "http_proxy=http://proxy:3128/\n#http_proxy=http://a:b@proxy/\n"),
        ("/etc/rhsm/rhsm.conf", "proxy_password =\nproxy_port =\n"),
    ],
)
def test_what_is_no_secret(path: str, content: str) -> None:
    assert network_secrets_are_gone(facts({path: content})).status is Status.OK


def test_many_secrets_in_one_file_are_not_all_looked_at() -> None:
    verdict = network_secrets_are_gone(facts({PROFILE: "psk=x\n" * 100_000}))
    assert len(verdict.evidence) == 16


def test_without_a_guest_nothing_is_ok() -> None:
    verdict = network_secrets_are_gone(Facts({Guest: UnknownFact("no root file system")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
