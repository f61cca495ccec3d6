#!/usr/bin/env python3
"""Serves a real Kinto, alone or for the time of one command.

    target/kinto/bin/python tests/kinto/serve.py                     # until Ctrl-C; the first line says KINTO_URL=…
    target/kinto/bin/python tests/kinto/serve.py -- cargo test …     # KINTO_URL is in the command's environment
    target/kinto/bin/python tests/kinto/serve.py --postgresql --page-size 3 -- …
    target/kinto/bin/python tests/kinto/serve.py --old -- …               # Kinto 20.0.0, of target/kinto-20
    target/kinto/bin/python tests/kinto/serve.py --postgresql --processes 2 -- …     # over one database; KINTO_URLS has them all

The server runs inside this process and listens before anything is announced: there is no port to guess, nothing to
poll for, and nothing left running when this process ends.
"""

import argparse
import configparser
import contextlib
import io
import logging
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator

OLD = pathlib.Path(__file__).parents[2] / "target/kinto-20"
# Before anything of another Kinto is imported.
if "--old" in sys.argv[: sys.argv.index("--") if "--" in sys.argv else None] and pathlib.Path(sys.prefix) != OLD:
    if not OLD.exists():
        sys.exit(f"There is no Kinto at {OLD}: run `tests/setup.sh kinto20`.")
    os.execv(OLD / "bin/python", [str(OLD / "bin/python"), *sys.argv])

import kinto
import kinto.core.scripts
import waitress.server

from postgresql import a_postgresql

INI = pathlib.Path(__file__).with_name("kinto.ini")


def main() -> int:
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that PostgreSQL is stopped too
    be_quiet()
    with contextlib.ExitStack() as stack:
        settings = read_settings(options)
        if options.attachments:
            settings |= attachment_settings(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.postgresql:
            settings |= postgresql_settings(stack.enter_context(a_postgresql()))
        server = listen(settings, options.port, migrates=options.postgresql)
        others = [stack.enter_context(another_process(settings)) for _ in range(options.processes - 1)]
        urls = [f"http://localhost:{port}/v1" for port in (server.effective_port, *others)]
        if not options.command:
            print(f"KINTO_URL={urls[0]}", flush=True)
            for url in urls[1:]:
                print(f"and {url}", flush=True)
            server.run()
            return 0
        threading.Thread(target=server.run, daemon=True).start()
        return run(options, urls)


def be_quiet() -> None:
    """Advice for production (HTTPS, accounts in memory) would bury what a failing test prints."""
    warnings.filterwarnings("ignore", module="kinto")
    os.environ["KINTO_INI"] = str(INI)
    for name, level in (("kinto", "ERROR"), ("kinto.core.storage.postgresql", "CRITICAL"), ("waitress.queue", "ERROR")):
        logging.getLogger(name).setLevel(level)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0: any free one (default)")
    parser.add_argument("--postgresql", action="store_true", help="keep data in PostgreSQL instead of memory")
    parser.add_argument("--processes", type=int, default=1, help="servers over one database; more than one need --postgresql")
    parser.add_argument("--old", action="store_true", help="Kinto 20.0.0 (`tests/setup.sh kinto20`)")
    parser.add_argument("--attachments", action="store_true", help="with the plugin kinto-attachment")
    parser.add_argument("--page-size", type=int, help="longest listing in one answer (kinto.paginate_by)")
    parser.add_argument("--batch-size", type=int, help="most requests in one batch (kinto.batch_max_requests)")
    parser.add_argument("command", nargs="*", help="run this, then stop")
    options = parser.parse_args()
    if options.processes > 1 and not options.postgresql:
        parser.error("--processes needs --postgresql: what is in memory cannot be shared")
    return options


def read_settings(options: argparse.Namespace) -> dict:
    ini = configparser.ConfigParser()
    ini.read(INI)
    settings = {key: value for key, value in ini["app:main"].items() if key != "use"}
    settings["kinto.includes"] += " purge"
    if options.page_size:
        settings["kinto.paginate_by"] = options.page_size
    if options.batch_size:
        settings["kinto.batch_max_requests"] = options.batch_size
    return settings


def attachment_settings(folder: str) -> dict:
    includes = configparser.ConfigParser()
    includes.read(INI)
    return {
        "kinto.includes": f"{includes['app:main']['kinto.includes']} purge kinto_attachment",
        "kinto.attachment.base_path": folder,
        "kinto.attachment.base_url": "http://localhost/attachments/",
        "kinto.attachment.folder": "{bucket_id}/{collection_id}",
        "kinto.attachment.extensions": "any",
    }


def postgresql_settings(url: str) -> dict:
    settings = {}
    for backend in ("storage", "cache", "permission"):
        settings[f"kinto.{backend}_backend"] = f"kinto.core.{backend}.postgresql"
        settings[f"kinto.{backend}_url"] = url
    return settings


def listen(settings: dict, port: int, *, migrates: bool):
    with contextlib.redirect_stderr(io.StringIO()):  # the accounts plugin prints its advice, past warnings and logging
        app = kinto.main({}, **settings)
    if migrates:
        kinto.core.scripts.migrate({"registry": app.registry})
    try:
        return waitress.server.create_server(app, host="127.0.0.1", port=port, threads=8)
    except OSError as error:
        sys.exit(f"Kinto cannot listen on port {port} ({error.strerror}): stop what uses it, or choose another --port.")


@contextlib.contextmanager
def another_process(settings: dict) -> Iterator[int]:
    """Gives its port. As in real life the processes share nothing but the database."""
    # Forked, it would share this one's connections to the database.
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=serve_beside, args=(settings, there), daemon=True)
    process.start()
    there.close()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()


def serve_beside(settings: dict, pipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; the first process stops the others
    be_quiet()
    server = listen(settings, 0, migrates=False)
    pipe.send(server.effective_port)
    server.run()


def run(options: argparse.Namespace, urls: list[str]) -> int:
    told = {"KINTO_URL": urls[0], "KINTO_URLS": " ".join(urls), "KINTO_BACKEND": "postgresql" if options.postgresql else "memory"}
    told["KINTO_VERSION"] = kinto.__version__
    if options.page_size:
        told["KINTO_PAGE_SIZE"] = str(options.page_size)
    child = subprocess.Popen(options.command, env=os.environ | told)
    try:
        return child.wait()
    except KeyboardInterrupt:  # the terminal sent it to the command as well
        child.wait()
        return 130
    except SystemExit:
        child.terminate()
        child.wait()
        raise


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
