"""`synthderm study serve`: listen, print the link and the admin token, serve until stopped."""

import secrets
import socket
from contextlib import closing, suppress
from pathlib import Path

import uvicorn

from synthderm.study.app import create_app
from synthderm.study.connections import PER_CLIENT, TOTAL, allow_files, guarded_protocol
from synthderm.study.database import NotSaved
from synthderm.study.store import Store
from synthderm.study.study_folder import Study


def serve(
    folder: str | Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    url: str | None = None,
    behind_proxy: bool = False,
) -> None:
    """Serve a study until interrupted.

    Args:
        folder: the study's folder.
        host: address to listen on; "0.0.0.0" for all addresses of this machine.
        port: 0 for a free one.
        url: the address that participants use, if it is another ("https://study.example.org").
        behind_proxy: take the client's address from a proxy on this machine, so that its clients
            are counted one by one.

    Raises:
        FileNotFoundError: no study, or one that lacks images.
        OSError: the server can't listen there, or the database can't be opened.
    """
    study = Study(folder)
    if missing := [name for name in study.origins if not study.image(name).is_file()]:
        raise FileNotFoundError(
            f"{folder} lacks {len(missing)} of its images, {missing[0]} first: copy the whole"
            " folder again."
        )
    try:
        store = Store(study.database)
    except NotSaved as error:
        way_out = (
            ": answers are saved there, so give yourself the right to write in the study's folder,"
            " or copy the folder to a place where you have it."
            if error.is_unwritable
            else "."
        )
        raise OSError(f"{study.database} can't be opened ({error}){way_out}") from None
    admin_token = secrets.token_urlsafe(24)
    with closing(store), suppress(KeyboardInterrupt), listen(host, port) as listener:
        base = (url or f"http://{host}:{listener.getsockname()[1]}").rstrip("/")
        _print_welcome(study, store, base, admin_token)
        total = allow_files(TOTAL)
        # Behind a proxy all connections come from one address.
        per_client = total if behind_proxy else min(PER_CLIENT, total // 2)
        config = uvicorn.Config(
            create_app(study, store, admin_token),
            http=guarded_protocol(per_client, total),
            ws="none",
            access_log=False,  # it would store addresses and personal links
            log_level="error",  # warnings are two lines for each odd request, as many as come
            server_header=False,
            proxy_headers=behind_proxy,
            timeout_graceful_shutdown=5,
            lifespan="off",
        )
        uvicorn.Server(config).run(sockets=[listener])


def _print_welcome(study: Study, store: Store, base: str, admin_token: str) -> None:
    taken, places = store.count_taken(), len(study.trials)
    print(
        f"{study.settings.title}: {len(study.trials[1])} trials each, {taken} of {places} places"
        f" taken, {len(store.answers())} answers."
    )
    if "[" in "".join(study.consent):
        path = study.folder / "consent.txt"
        print(f"Before you invite participants, replace the [placeholders] in {path}.")
    print(f"Send this link:  {base}/s/{store.invitation}")
    print(
        f"Results:         {base}/results.csv  (user: admin, password: {admin_token})", flush=True
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at this address.

    Raises:
        OSError: the address or the port is not free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches off Nagle's algorithm, which delays each reply by 40 ms, only for sockets
    # that name their protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)  # participants can connect as soon as the link is printed
    except OSError as error:
        listener.close()
        raise OSError(
            f"can't listen on {host}:{port} ({error.strerror}): give --port another number, or 0"
            " for a free one."
        ) from None
    return listener
