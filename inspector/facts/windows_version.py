"""Which release of Windows the guest is."""

from __future__ import annotations

import msgspec

from parsers.place import Place


class WindowsVersion(msgspec.Struct, frozen=True):
    """What the key CurrentVersion says.

    Attributes:
        product: ProductName, with the name of Windows 11 where the build is one ("Windows 11 Pro").
        edition: EditionID ("ServerDatacenter", "Professional").
        installation: InstallationType: "Server", "Server Core", "Nano Server", "Client".
        major, minor: the version of NT, 6.1 for Windows 7.
        build: CurrentBuild, which tells releases apart.
        revision: UBR, the update; None before Windows 10.
        release: DisplayVersion or ReleaseId ("21H2", "1809"); None before Windows 10.
    """

    product: str
    edition: str | None
    installation: str | None
    major: int
    minor: int
    build: int
    revision: int | None
    release: str | None
    place: Place

    @property
    def nt(self) -> tuple[int, int]:
        """The version of NT, to be compared: (6, 1) is Windows 7 and Server 2008 R2, (6, 3) 8.1 and 2012 R2."""
        return self.major, self.minor

    @property
    def number(self) -> str:
        """The version in full, "10.0.20348.2113"."""
        text = f"{self.major}.{self.minor}.{self.build}"
        return text if self.revision is None else f"{text}.{self.revision}"

    @property
    def is_server(self) -> bool:
        """Whether it is a server's edition."""
        return "Server" in (self.installation or self.product)
