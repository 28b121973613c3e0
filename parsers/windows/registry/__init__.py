"""The Windows registry: hives ("regf", versions 1.3 to 1.6) with their transaction logs.

Specification: M. Suhanov, "Windows registry file format specification". Only the cells that are asked for are read.
"""

from parsers.windows.registry.hive import Hive, HiveState, open_hive
from parsers.windows.registry.key import Key
from parsers.windows.registry.value import Value, ValueType

__all__ = ["Hive", "HiveState", "Key", "Value", "ValueType", "open_hive"]
