"""The configuration of GRUB 2: `parse_grub_config` and the models that it returns."""

from parsers.boot.grub.config import parse_grub_config
from parsers.boot.grub.menu import GrubConfig
from parsers.boot.grub.state import Surroundings
from parsers.boot.menu import Include, MenuEntry, Search
from parsers.boot.menu import LoadedFile as GrubFile

__all__ = ["GrubConfig", "GrubFile", "Include", "MenuEntry", "Search", "Surroundings", "parse_grub_config"]
