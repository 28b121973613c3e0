"""The version of the program, in the one place from which the package and the reports take it."""

from typing import Final

VERSION: Final = "0.1.0"
