r"""Guest tools of hypervisors, and agents of clouds, that are still at work in a Windows that moves elsewhere.

Services by the names that the vendors' installers and documentation give them: VMware Tools and its drivers, VirtualBox
Guest Additions, Parallels Tools, XenServer's tools, the agents of Amazon EC2, Azure, Google Compute Engine and Alibaba
Cloud. Left out is what Windows itself brings for Hyper-V, which lies idle elsewhere, and drivers that start with their
device.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.registry import Registry
from inspector.windows.services import SERVICES, Services, Start

_VMWARE: Final = "VMware Tools"
_VIRTUALBOX: Final = "VirtualBox Guest Additions"
_PARALLELS: Final = "Parallels Tools"
_XEN: Final = "XenServer's tools"
_AMAZON: Final = "an agent of Amazon EC2"
_AZURE: Final = "an agent of Azure"
_GOOGLE: Final = "an agent of Google Compute Engine"
_ALIBABA: Final = "an agent of Alibaba Cloud"
_TOOLS: Final = {
    "vmtools": ("vmware", _VMWARE),
    "vgauthservice": ("vmware", _VMWARE),
    "vmvss": ("vmware", _VMWARE),
    "vmhgfs": ("vmware", _VMWARE),
    "vmmemctl": ("vmware", _VMWARE),
    "vmrawdsk": ("vmware", _VMWARE),
    "vm3dservice": ("vmware", _VMWARE),
    "vboxservice": ("virtualbox", _VIRTUALBOX),
    "vboxguest": ("virtualbox", _VIRTUALBOX),
    "vboxsf": ("virtualbox", _VIRTUALBOX),
    "parallels tools service": ("parallels", _PARALLELS),
    "prl_tools": ("parallels", _PARALLELS),
    "prl_tg": ("parallels", _PARALLELS),
    "prl_fs": ("parallels", _PARALLELS),
    "prl_strg": ("parallels", _PARALLELS),
    "xensvc": ("xenserver", _XEN),
    "xenagent": ("xenserver", _XEN),
    "ec2config": ("aws", _AMAZON),
    "amazon ec2launch": ("aws", _AMAZON),
    "amazonssmagent": ("aws", _AMAZON),
    "awsliteagent": ("aws", _AMAZON),
    "windowsazureguestagent": ("azure", _AZURE),
    "rdagent": ("azure", _AZURE),
    "windowsazuretelemetryservice": ("azure", _AZURE),
    "gceagent": ("google", _GOOGLE),
    "gceagentmanager": ("google", _GOOGLE),
    "gcewindowscompatmanager": ("google", _GOOGLE),
    "googlevssagent": ("google", _GOOGLE),
    "googlevssprovider": ("google", _GOOGLE),
    "google_osconfig_agent": ("google", _GOOGLE),
    "vminit": ("alibaba", _ALIBABA),
    "aliyunservice": ("alibaba", _ALIBABA),
}
"""Services by their names in lower case: whose they are, and what they belong to."""
_SHOWN: Final = 16


@rule("windows-foreign-tools-are-not-started", "No other platform's tools work in the guest", "windows")
def windows_foreign_tools_are_not_started(facts: Facts, *, own: Sequence[str]) -> Verdict:
    r"""Services of guest tools and agents that are not disabled. Those of the platforms in `own` belong there.

    Why: tools of a hypervisor that is gone fill the log with errors, hold boots up, or replace drivers that Windows
    needs; agents of another cloud change passwords, names and routes by what their cloud does not say any more.

    Fix: uninstall the tools before the image is taken; where that is refused, `sc.exe config NAME start= disabled`.

    Reads: Services

    References: virt-v2v(1), "Windows" (what it removes of VMware, Parallels and XenServer); Google,
    compute-image-import; Amazon EC2, Windows launch agents; of each name docs/windows-facts.md tells where it was seen.
    """
    registry = facts[Registry]
    there: list[str] = []
    found: list[Evidence] = []
    for service in facts[Services].readable:
        home, title = _TOOLS.get(service.name.lower(), ("", ""))
        if not home or home in own:
            continue
        if service.start == Start.DISABLED:
            there.append(service.name)
        else:
            found.append(Evidence(service.start_place, f"{service.name} ({title}): {service.start_name}"))
    if found:
        return warning("tools of another platform are at work", *islice(found, _SHOWN))
    facts[Services].tell()
    seen = f"disabled: {', '.join(there)}" if there else "none of the known tools is there"
    return ok("no tools of another platform are at work", Evidence(registry.place(SERVICES), seen))


RULES = (windows_foreign_tools_are_not_started,)
