"""The configuration of GRUB 2: `parse_grub_config` and the models that it returns."""

from parsers.boot.grub.config import parse_grub_config
from parsers.boot.grub.menu import GrubConfig
from parsers.boot.grub.state import Surroundings

__all__ = ["GrubConfig", "Surroundings", "parse_grub_config"]
