"""Start the study's server: bind, print the link and the admin token, run until it is stopped."""

import secrets
import socket
from pathlib import Path

import uvicorn

from synthderm.study.files import Study
from synthderm.study.server import create_app
from synthderm.study.store import NotSaved, Store


def serve(
    folder: str | Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    url: str | None = None,
    behind_proxy: bool = False,
) -> None:
    """Serve a study until interrupted.

    Args:
        folder: the study.
        host: address to listen on; "0.0.0.0" for all of this machine's.
        port: 0 takes a free one.
        url: the address that participants use, where it is another ("https://study.example.org").
        behind_proxy: take the client's address from a proxy on this machine, so that its clients
            are counted one by one.

    Raises:
        OSError: the address can't be had, or the database can't be opened.
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
        raise OSError(f"{study.database} can't be opened: {error}.") from None
    admin_token = secrets.token_urlsafe(24)
    with _listen(host, port) as listener:
        base = (url or f"http://{host}:{listener.getsockname()[1]}").rstrip("/")
        joined = store.participants()
        print(
            f"{study.settings.title}: {len(study.trials[1])} trials each, {len(joined)} of"
            f" {len(study.trials)} places taken, {len(store.answers())} answers."
        )
        if "[" in "".join(study.consent):
            print(
                f"Before you invite anyone: {study.folder / 'consent.txt'} still has"
                " [placeholders]."
            )
        print(f"Send this link:  {base}/s/{store.invitation}")
        print(
            f"Results:         {base}/results.csv  (user: admin, password: {admin_token})",
            flush=True,
        )
        app = create_app(study, store, admin_token)
        # The access log would store addresses and personal links.
        config = uvicorn.Config(app, access_log=False, log_level="warning", server_header=False, proxy_headers=behind_proxy,
                                limit_concurrency=1000, timeout_graceful_shutdown=5, lifespan="off")  # fmt: skip
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            pass
        finally:
            store.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches off Nagle's algorithm, which costs 40 ms a reply, only where the protocol is
    # named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)  # whoever reads the link can connect at once
    except OSError as error:
        listener.close()
        raise OSError(
            f"can't listen on {host}:{port} ({error.strerror}); give --port another number, or 0"
            " for a free one."
        ) from None
    return listener
