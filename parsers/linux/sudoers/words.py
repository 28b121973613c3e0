"""The words of sudoers, as patterns.

Which of two words is meant where both fit is told by their length: sudo takes the longer one, as does `visudo -c`.
"""

from __future__ import annotations

import re
from typing import Final

DEFAULTS: Final = re.compile(r"Defaults(?=[\s:@!>]|$|\\[ \t]*\r?\n)")
BROKEN_SCOPE: Final = re.compile(
    r"(?:[:@!>][ \t]*)?\\[ \t]*\r?\n(?![ \t]+[^\s:@!>])|[:@!>][ \t!]*\\[ \t]*\r?\n|[:@!>][ \t]*!+[ \t]"
)
"""A line break where a word is wanted: behind the sign of a scope, or before anything but a blank and a setting. And a
blank where a word is wanted, behind a ! of the scope."""
ALIAS: Final = re.compile(r"(User|Runas|Host|Cmnd|Cmd)_Alias(?=\s|\\[ \t]*\r?\n)")
KEYWORD: Final = re.compile(r"(?:Defaults|(?:User|Runas|Host|Cmnd|Cmd)_Alias)(?=[!=:,()\\s\"#>])")
NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*+(?![^\s!=:,()\\\"#]|\\[^\n])")
NAME_ALONE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
STRING: Final = re.compile(r'"((?:\\[ \t]*\r?\n|[^"\\\n]|\\.)+)"')
HOST_STRING: Final = re.compile(r'"(?!%)((?:\\[ \t]*\r?\n|[^"\\\n]|\\.)+)"')
VALUE_STRING: Final = re.compile(r'"(?![%+])((?:\\[ \t]*\r?\n|[^"\\\n]|\\.)+)"')
"""Quoted words where groups, or groups and netgroups, do not belong."""
EMPTY: Final = re.compile(r'""')
NOT: Final = re.compile(r"!+")
NETGROUP: Final = re.compile(r'\+(?:\\[^\t\n]|[^!=:,()\\\s"#>])+')
MANY: Final = re.compile(r'(?:%:|%|\+)(?:\\[^\t\n]|[^!=:,()\\\s"#>])+')
WORD: Final = re.compile(r'(?:\\[^\t\n]|[^!=:,()\\\s"#>/%+])(?:\\[^\t\n]|[^!=:,()\\\s"#>])*')
USER_ID: Final = re.compile(r"#-?[0-9]+(?![^\s!=:,()])")
GROUP_ID: Final = re.compile(r"%:?#-?[0-9]+")
IPV6: Final = re.compile(r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:/[0-9A-Fa-f:]+)?")
PREFIX: Final = re.compile(r"|[0-9]|[1-9][0-9]|1[01][0-9]|12[0-8]")
"""The length of a network's prefix, or none."""
SETTING: Final = re.compile(r"[a-z_]++(?![A-Z0-9])")
OPERATOR: Final = re.compile(r"\+=|-=|=")
VALUE: Final = re.compile(r'(?!!)(?:\\.|[^\s,=\\"#])+')
DIRECTORY: Final = re.compile(r'/(?:\\.|[^,:=\\\s#])*|~(?:\\.|[^!=:,()\\\s"#>])*|\*(?=[\s!])')
PATH: Final = re.compile(r'(?!")(?:\\.|[^\s\\])+')
OTHER_WORD: Final = re.compile(r"sudoedit|sha(?:224|256|384|512)")
"""Words of the grammar, which name no user, group or host."""
ADDRESS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?:/[0-9.]+)?")
COMMAND: Final = re.compile(r"/(?:\\[,:= \t#]|[^,:=\\\s#])++(?!\\[^ \t\r\n])")
DIGEST: Final = re.compile(r"sha(224|256|384|512)[ \t]*:[ \t]*([0-9A-Za-z+/=]+)")
DIGESTS: Final = {
    size: re.compile(rf"[0-9A-Fa-f]{{{int(size) // 4}}}|[0-9A-Za-z+/]{{{-(-int(size) // 6)}}}(?:{padding})?")
    for size, padding in (("224", "=="), ("256", "="), ("384", ""), ("512", "=="))
}
BUILT_IN: Final = re.compile(r"(?:sudoedit|list)(?![^\s,:=#!()])")
ARGUMENTS: Final = re.compile(r"(?:\\[ \t]*\r?\n|\\[*?\[\]!^:,= \t#\\\n]|(?!=(?:[\\:,#\s]|\Z))[^,:\\#\s]++|[ \t\r]++)*")
EXPRESSION: Final = re.compile(r"\^(?:\\[#$]|[^#$\n])*+")
"""An expression without the dollar sign at its end; that may be one behind a backslash, if no other follows."""
ARGUMENT_EXPRESSION: Final = re.compile(r"\^(?:\\.|[^\\$#\n])*+\$")
OPTION: Final = re.compile(r"(ROLE|TYPE|APPARMOR_PROFILE|CWD|CHROOT|TIMEOUT|NOTBEFORE|NOTAFTER)[ \t]*=[ \t]*")
TAG: Final = re.compile(r"(?:NO)?(EXEC|FOLLOW|INTERCEPT|LOG_INPUT|LOG_OUTPUT|MAIL|PASSWD|SETENV)[ \t]*:")
ALL: Final = re.compile(r"ALL(?![^\s!=:,()\\\"#]|\\[^\n])")
