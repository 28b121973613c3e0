"""File systems that our own readers do not know, read by the kernel in libguestfs' appliance.

Five processes at most have to do with it, and each knows little:

- the inspection (`session`, `tree`), which is confined and therefore can start nothing. It serves the bytes of the
  volumes to the appliance (`nbd`), as our own readers of containers and volumes give them;
- the supervisor (`broker`), forked before the inspection is confined, which ends everything when the inspection ends;
- the worker (`appliance`), which the supervisor forks at the first request, with libguestfs in it;
- the virtual machine that libguestfs starts (and libguestfs' own watcher of it).

What lies in the image cannot make any of them open a file of the host: the virtual machine is given raw drives over a
socket, no file names, and the requests to the worker (`messages`) name nothing of the host either. Whatever comes back
was made by a kernel that parsed a hostile file system, and is checked like an image.
"""

from __future__ import annotations

from typing import Final

NAME: Final = "guestfs"
