"""File systems around a script of GRUB, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

BLOCK = "# GRUB Environment Block\n"


@dataclass
class Files:
    """File systems in memory: device -> path -> text."""

    devices: dict[str, dict[str, str]]
    tags: dict[tuple[str, str], str] = field(default_factory=dict)

    def search(self, kind: str, value: str) -> str | None:
        if kind == "file":
            return next((device for device, files in self.devices.items() if value in files), None)
        return self.tags.get((kind, value))

    def size(self, device: str | None, path: str) -> int | None:
        files = self.devices.get(device or "", {})
        if path in files:
            return len(files[path])
        return -1 if any(name.startswith(path + "/") for name in files) else None

    def names(self, device: str | None, path: str) -> tuple[str, ...]:
        top = path.rstrip("/") + "/"
        files = self.devices.get(device or "", {})
        return tuple(dict.fromkeys(name[len(top) :].partition("/")[0] for name in files if name.startswith(top)))

    def read(self, device: str | None, path: str) -> tuple[str, str] | None:
        text = self.devices.get(device or "", {}).get(path)
        return None if text is None else (text, path)

    def default_subvolume(self, device: str) -> str:
        assert device
        return ""


def block(**variables: str) -> str:
    text = BLOCK + "".join(f"{name}={value}\n" for name, value in variables.items())
    return text + "#" * (1024 - len(text))
