"""Answer files: settings, secrets that are named but never kept, and XML that is out to do harm."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET

import msgspec
import pytest

from parsers.place import Place
from parsers.windows.unattend import (
    MAX_DEPTH,
    MAX_SIZE,
    SecretState,
    Unattend,
    UnattendSecret,
    parse_unattend,
)

SHELL = "Microsoft-Windows-Shell-Setup"
SAMPLE = r"""<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend">
  <settings pass="generalize">
    <component name="Microsoft-Windows-PnpSysprep" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35"
        language="neutral" versionScope="nonSxS" xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
      <PersistAllDeviceInstalls>true</PersistAllDeviceInstalls>
    </component>
  </settings>
  <settings pass="oobeSystem">
    <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64"
        xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
      <OOBE>
        <HideEULAPage>true</HideEULAPage>
        <SkipMachineOOBE>true</SkipMachineOOBE>
      </OOBE>
      <AutoLogon>
        <Password>
          <Value>Geheim-1</Value>
          <PlainText>true</PlainText>
        </Password>
        <Enabled>true</Enabled>
        <Username> Administrator </Username>
      </AutoLogon>
      <UserAccounts>
        <AdministratorPassword>
          <PlainText>false</PlainText>
          <Value>RwBlAGgAZQBpAG0ALQAyAA==</Value>
        </AdministratorPassword>
        <LocalAccounts>
          <LocalAccount wcm:action="add">
            <Password><Value>Geheim-3</Value><PlainText>false</PlainText></Password>
            <Name>one</Name>
          </LocalAccount>
          <LocalAccount wcm:action="add">
            <Password>*SENSITIVE*DATA*DELETED*</Password>
            <Name>two</Name>
          </LocalAccount>
        </LocalAccounts>
      </UserAccounts>
      <ProductKey>Geheim-4</ProductKey>
    </component>
  </settings>
  <settings pass="specialize">
    <component name="Microsoft-Windows-Deployment" processorArchitecture="amd64">
      <RunSynchronous>
        <RunSynchronousCommand>
          <Order>1</Order><Path>cmd /c net user Administrator Geheim-5</Path>
        </RunSynchronousCommand>
        <RunSynchronousCommand>
          <Order>2</Order><Path>cmd /c net user Administrator /active:yes</Path>
        </RunSynchronousCommand>
      </RunSynchronous>
    </component>
    <component name="Microsoft-Windows-UnattendedJoin" processorArchitecture="amd64">
      <Identification>
        <Credentials><Domain>fabrikam.com</Domain><Password>Geheim-6</Password><Username>x</Username></Credentials>
        <JoinDomain>fabrikam.com</JoinDomain>
        <MachinePassword>Geheim-7</MachinePassword>
      </Identification>
    </component>
  </settings>
  <cpi:offlineImage cpi:source="wim:c:/install.wim#Windows" xmlns:cpi="urn:schemas-microsoft-com:cpi" />
</unattend>
"""


def parsed(text: str) -> Unattend:
    return parse_unattend(text.encode())


def test_settings_are_found_by_component_and_name() -> None:
    answer = parsed(SAMPLE)
    (setting,) = answer.find("microsoft-windows-pnpsysprep", "PersistAllDeviceInstalls")
    assert (setting.phase, setting.architecture, setting.value) == ("generalize", "amd64", "true")
    assert setting.place == Place("unattend.xml", line=6)
    assert [item.value for item in answer.find(SHELL, "AutoLogon/Username", "OOBESYSTEM")] == ["Administrator"]
    assert answer.find(SHELL, "AutoLogon/Username", "specialize") == ()
    names = answer.find(SHELL, "UserAccounts/LocalAccounts/LocalAccount/Name")
    assert [item.value for item in names] == ["one", "two"]
    assert answer.problems == ()


def test_secrets_are_named_with_how_they_are_kept() -> None:
    answer = parsed(SAMPLE)
    shell, where = f"oobeSystem/{SHELL}", {secret.name: secret.state for secret in answer.secrets}
    join = "specialize/Microsoft-Windows-UnattendedJoin/Identification"
    assert where == {
        f"{shell}/AutoLogon/Password/Value": SecretState.PLAIN,
        f"{shell}/UserAccounts/AdministratorPassword/Value": SecretState.ENCODED,
        f"{shell}/UserAccounts/LocalAccounts/LocalAccount/Password/Value": SecretState.ENCODED,
        f"{shell}/UserAccounts/LocalAccounts/LocalAccount/Password": SecretState.DELETED,
        f"{shell}/ProductKey": SecretState.PLAIN,
        "specialize/Microsoft-Windows-Deployment/RunSynchronous/RunSynchronousCommand/Path": SecretState.PLAIN,
        f"{join}/Credentials/Password": SecretState.PLAIN,
        f"{join}/MachinePassword": SecretState.PLAIN,
    }
    assert answer.secrets[0].place == Place("unattend.xml", line=18)


def test_no_secret_is_kept() -> None:
    answer = parsed(SAMPLE)
    kept = msgspec.json.encode(answer).decode() + repr(answer)
    assert "Geheim" not in kept
    assert "RwBlAGgAZQBp" not in kept
    assert "net user Administrator /active:yes" in kept


@pytest.mark.parametrize(
    ("command", "secret"),
    [
        ("net user Administrator P@ss", True),
        ("net.exe user x y /add", True),
        ("cmd /c net user Administrator /active:yes", False),
        ("powershell -File C:\\setup.ps1 -Password x", True),
        ("setup.exe /p:x", True),
        ("curl https://user:word@example.com/x", True),
        ("curl https://example.com/x", False),
        ("C:\\Program Files\\Cloudbase Solutions\\cloudbase-init.exe --config-file x.conf", False),
        ("set API_KEY=1", True),
    ],
)
def test_command_lines_that_hold_a_secret(command: str, secret: bool) -> None:
    name = "FirstLogonCommands/SynchronousCommand/CommandLine"
    inner = f"<FirstLogonCommands><SynchronousCommand><CommandLine>{command}</CommandLine></SynchronousCommand>"
    answer = parsed(wrapped(f"{inner}</FirstLogonCommands>"))
    (setting,) = answer.find(SHELL, name)
    assert (setting.value is None) == bool(answer.secrets) == secret


def wrapped(inner: str) -> str:
    return f'<unattend><settings pass="oobeSystem"><component name="{SHELL}">{inner}</component></settings></unattend>'


def test_words_about_passwords_are_no_secrets() -> None:
    answer = parsed(wrapped("<MaximumPasswordAge>42</MaximumPasswordAge><PasswordExpires>false</PasswordExpires>"))
    assert answer.secrets == ()
    assert [setting.value for setting in answer.settings] == ["42", "false"]


def test_an_empty_password_is_told() -> None:
    answer = parsed(wrapped("<AutoLogon><Password><Value/></Password></AutoLogon>"))
    assert answer.secrets == (
        UnattendSecret(
            Place("unattend.xml", line=1), f"oobeSystem/{SHELL}/AutoLogon/Password/Value", SecretState.EMPTY
        ),
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings(encoding: str) -> None:
    declared = {"utf-8-sig": "utf-8", "latin-1": "iso-8859-1"}.get(encoding, encoding)
    text = f'<?xml version="1.0" encoding="{declared}"?>' + wrapped("<RegisteredOwner>Müller</RegisteredOwner>")
    answer = parse_unattend(text.encode(encoding))
    assert [setting.value for setting in answer.find(SHELL, "RegisteredOwner")] == ["Müller"]
    assert answer.problems == ()


def test_what_stands_before_a_flaw_is_kept() -> None:
    cut = SAMPLE.index("<ProductKey>") + 5
    answer = parsed(SAMPLE[:cut])
    assert len(answer.secrets) == 4
    assert [problem.place.line for problem in answer.problems] == [SAMPLE[:cut].count("\n") + 1]
    assert answer.problems[0].message.startswith("well-formed XML wanted: ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no element found"),
        (b"\0\1", "well-formed XML wanted"),
        (b"<html/>", "the element unattend wanted, 'html' found"),
        (b'<?xml version="1.0" encoding="klingon"?><unattend/>', "known encoding wanted|unknown encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><unattend/>', "wanted"),
        (b"<!DOCTYPE unattend><unattend/>", "without a document type"),
        (b"<unattend>&x;</unattend>", "undefined entity"),
        (b" " * (MAX_SIZE + 1), "at most 4194304 bytes"),
        (b"<unattend>" + b"<a>" * 100, f"at most {MAX_DEPTH} levels"),
        (wrapped("<a>1</a>" * 20001).encode(), "at most 20000 settings"),
    ],
)
def test_what_is_no_answer_file_is_said(data: bytes, message: str) -> None:
    (problem,) = parse_unattend(data).problems
    assert any(part in problem.message for part in message.split("|"))


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE unattend [<!ENTITY l0 "lol">{LAUGHS}]>',
        '<!DOCTYPE unattend [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE unattend SYSTEM "http://127.0.0.1:1/x.dtd">',
        '<!DOCTYPE unattend [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
        f'<!DOCTYPE unattend [<!ENTITY l9 "{"x" * 100000}">]>',
    ],
)
def test_entities_are_refused_before_they_are_read(doctype: str) -> None:
    answer = parsed(doctype + wrapped("<a>&l9;</a>" * 1000))
    assert [problem.message for problem in answer.problems] == [
        "an answer file without a document type wanted, one found"
    ]
    assert answer.settings == ()


def test_leaves_are_those_of_another_reader() -> None:
    """ElementTree finds as many leaves below components, with the same names."""
    space = "{urn:schemas-microsoft-com:unattend}"
    wanted = [
        leaf.tag.removeprefix(space)
        for component in ET.fromstring(SAMPLE).iter(f"{space}component")  # noqa: S314  our own text
        for leaf in component.iter()
        if len(leaf) == 0
    ]
    assert [setting.name.rpartition("/")[2] for setting in parsed(SAMPLE).settings] == wanted


def test_damage_raises_nothing() -> None:
    raw = SAMPLE.encode()
    for seed in range(1500):
        dice = random.Random(seed)
        data = bytearray(raw)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.choice((0, 255, 60, 62, 38, dice.randrange(256)))
        parse_unattend(bytes(data[: dice.choice((len(data), dice.randrange(len(data))))]))
