"""Where a guest may be told of a proxy: the environment, and the settings of what downloads packages."""

from __future__ import annotations

from typing import Final

ENVIRONMENT: Final = (
    "/etc/environment", "/etc/environment.d/*.conf", "/etc/profile", "/etc/profile.d/*.sh", "/etc/bash.bashrc",
    "/etc/bashrc", "/root/.bashrc", "/root/.profile", "/root/.bash_profile", "/etc/sysconfig/proxy", "/etc/wgetrc",
    "/root/.wgetrc", "/etc/systemd/system.conf", "/etc/systemd/system.conf.d/*.conf",
    "/etc/systemd/system/*.service.d/*.conf",
)  # fmt: skip
APT: Final = ("/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*")
YUM: Final = ("/etc/yum.conf", "/etc/dnf/dnf.conf", "/etc/yum.repos.d/*.repo", "/etc/pip.conf", "/etc/rhsm/rhsm.conf")
PROXY_FILES: Final = (*ENVIRONMENT, *APT, *YUM)
