"""The guest's users and groups: passwd, shadow and group together."""

from __future__ import annotations

import msgspec

from parsers.linux.accounts import Groups, Passwd, Secret, Shadow, User


class Accounts(msgspec.Struct, frozen=True):
    """What the account files say. A file that the guest certainly does not have is None."""

    passwd: Passwd | None
    shadow: Shadow | None
    group: Groups | None

    def user(self, name: str) -> User | None:
        """Return the first user called `name`, which is the one that the system takes."""
        users = self.passwd.users if self.passwd else ()
        return next((user for user in users if user.name == name), None)

    def secret(self, name: str) -> Secret | None:
        """Return the first line of shadow for `name`."""
        secrets = self.shadow.secrets if self.shadow else ()
        return next((secret for secret in secrets if secret.name == name), None)
