"""Cloudbase-Init's configuration: options as oslo.config reads them, secrets that are not kept, and damage."""

from __future__ import annotations

import configparser
import random

import msgspec
import pytest

from parsers.place import Place
from parsers.windows.cloudbase_init import MAX_SIZE, parse_cloudbase_init

SAMPLE = r"""[DEFAULT]
# what the installer writes
username=Admin
groups=Administrators
inject_user_password=true
first_logon_behaviour=no
bsdtar_path=C:\Program Files\Cloudbase Solutions\Cloudbase-Init\bin\bsdtar.exe
; another comment
logging_serial_port_settings=
mtu_use_dhcp_config = off
local_scripts_path=C:\Scripts
metadata_services=cloudbaseinit.metadata.services.httpservice.HttpService,
    cloudbaseinit.metadata.services.configdrive.ConfigDriveService,
  cloudbaseinit.metadata.services.ec2service.EC2Service
plugins: cloudbaseinit.plugins.common.mtu.MTUPlugin, cloudbaseinit.plugins.common.sethostname.SetHostNamePlugin
username = "Administrator"

[maas]
maas_metadata_url=http://10.0.0.1/MAAS
maas_oauth_consumer_key=Geheim-1
maas_oauth_token_secret=Geheim-2
"""


def test_options_lists_and_switches() -> None:
    conf = parse_cloudbase_init(SAMPLE)
    user = conf.option("username")
    assert user is not None
    assert (user.value, user.place) == ("Administrator", Place("cloudbase-init.conf", line=16))
    assert conf.texts("metadata_services") == (
        "cloudbaseinit.metadata.services.httpservice.HttpService",
        "cloudbaseinit.metadata.services.configdrive.ConfigDriveService",
        "cloudbaseinit.metadata.services.ec2service.EC2Service",
    )
    assert conf.texts("plugins") == (
        "cloudbaseinit.plugins.common.mtu.MTUPlugin",
        "cloudbaseinit.plugins.common.sethostname.SetHostNamePlugin",
    )
    flags = [conf.flag(name) for name in ("inject_user_password", "mtu_use_dhcp_config", "groups")]
    assert flags == [True, False, None]
    assert conf.texts("logging_serial_port_settings") == ()
    assert [conf.texts("none"), conf.option("none"), conf.flag("none")] == [None, None, None]
    assert conf.option("maas_metadata_url") is None
    assert conf.option("maas_metadata_url", "maas") is not None
    assert conf.problems == ()


def test_secrets_are_not_kept() -> None:
    conf = parse_cloudbase_init(SAMPLE)
    assert "Geheim" not in msgspec.json.encode(conf).decode()
    secret = conf.option("maas_oauth_token_secret", "maas")
    assert secret is not None
    assert secret.value is None
    assert conf.texts("maas_oauth_token_secret", "maas") is None


def test_values_are_those_of_another_reader() -> None:
    other = configparser.RawConfigParser(strict=False, default_section="none", inline_comment_prefixes=None)
    other.read_string(SAMPLE)
    conf = parse_cloudbase_init(SAMPLE)
    for group in other.sections():
        for name, value in other.items(group):
            option = conf.option(name, group)
            assert option is not None
            assert option.value in (None, value, value.strip('"'))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("username=Admin\n", 1, "a group such as [DEFAULT] before the options wanted"),
        ("[DEFAULT]\n  more\n", 2, "an option before its second line wanted"),
        ("[DEFAULT]\nusername\n", 2, 'no "=" found'),
        ("x" * (MAX_SIZE + 1), None, "at most 1048576 characters"),
    ],
)
def test_what_is_no_option_is_said(text: str, line: int | None, message: str) -> None:
    (problem,) = parse_cloudbase_init(text).problems
    assert (problem.place.line, message in problem.message) == (line, True)


def test_lines_of_windows_and_a_mark_of_unicode() -> None:
    conf = parse_cloudbase_init("\ufeff[DEFAULT]\r\ngroups=A,B\r\n")
    assert conf.texts("groups") == ("A", "B")
    assert conf.problems == ()


def test_damage_raises_nothing() -> None:
    for seed in range(500):
        dice = random.Random(seed)
        text = list(SAMPLE)
        for _ in range(dice.randrange(1, 20)):
            text[dice.randrange(len(text))] = dice.choice("[]=:#;\n \0\ud800'\"")
        parse_cloudbase_init("".join(text))
