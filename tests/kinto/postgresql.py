"""A PostgreSQL of our own, from Debian's package: a new cluster each time, reached by a socket file, gone afterwards."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def a_postgresql() -> Iterator[str]:
    """Gives the URL that SQLAlchemy wants. Only a socket file, so there is no port to find free.

    Not under `target/`: as root the server must run as another user, who cannot look into a checkout below /root.
    """
    bin_folder = find_programs()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="essaim-postgresql-"))
    # PostgreSQL refuses root; Debian's package brings this user.
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres", "postgres")

    def control(*arguments: str) -> None:
        done = subprocess.run([bin_folder / "pg_ctl", "-D", folder / "data", *arguments],
                              cwd=folder, capture_output=True, text=True, **user)
        if done.returncode:
            log = folder / "log"
            sys.exit(f"PostgreSQL: {done.stderr}{done.stdout}{log.read_text() if log.exists() else ''}")

    try:
        control("init", "-o", "--no-sync --auth=trust --username=kinto --encoding=UTF8 --locale=C")
        # Nothing here must outlive a power cut; without fsync the same tests take a third of the time.
        control("start", "-w", "-l", str(folder / "log"), "-o", f"-c listen_addresses='' -c fsync=off -k {folder}")
        try:
            yield f"postgresql://kinto@/postgres?host={folder}"
        finally:
            control("stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> pathlib.Path:
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if folders:
        return folders[-1]
    found = shutil.which("pg_ctl")
    if found:
        return pathlib.Path(found).resolve().parent
    sys.exit("PostgreSQL is missing: install the Debian package `postgresql`.")
