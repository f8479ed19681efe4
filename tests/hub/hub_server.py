"""A small Hugging Face Hub on two free ports of 127.0.0.1 (files have a host of their own), for the
real client: it keeps repositories in memory and speaks as much of the protocol as loading and
publishing a model need, and it can be told to misbehave.

    hub = Hub()
    commit = hub.commit("org/name", {"config.json": b"{}", "model.safetensors": b"..."})
    hub.fault("GET", "/cdn/", cut=1000)          # once: close the connection after 1,000 bytes of
    the body hub.down(); hub.up()                         # the port refuses connections, then
    answers again
"""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


def git_hash(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


class Hub:
    """The state: repositories, their commits and branches, uploaded blobs, planned faults and a log
    of requests."""

    def __init__(self):
        self.commits: dict[tuple[str, str], dict[str, bytes]] = {}
        self.refs: dict[tuple[str, str], str] = {}
        self.locked: dict[str, tuple[str, str]] = {}  # repository -> (token, "gated" or "private")
        self.blobs: dict[str, bytes] = {}
        self.log: list[tuple[str, str, dict]] = []
        self.faults: list[dict] = []
        self.moved: dict[str, str] = {}  # former name of a repository -> its name
        self.servers: list[ThreadingHTTPServer] = []
        self.ports = [0, 0]
        self.up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def cdn_url(self) -> str:
        return f"http://127.0.0.1:{self.ports[1]}"

    def up(self) -> None:
        handler = type("Bound", (Handler,), {"hub": self})
        self.servers = [ThreadingHTTPServer(("127.0.0.1", port), handler) for port in self.ports]
        self.ports = [server.server_port for server in self.servers]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def reset(self) -> None:
        self.faults.clear()
        self.log.clear()

    def commit(self, repository: str, files: dict[str, bytes], branch: str = "main") -> str:
        sha = hashlib.sha1(f"{repository} {branch} {len(self.commits)}".encode()).hexdigest()
        self.commits[repository, sha] = files
        self.refs[repository, branch] = sha
        self.blobs |= {hashlib.sha256(body).hexdigest(): body for body in files.values()}
        return sha

    def fault(self, method: str, path: str, times: int = 1, **what) -> None:
        """Misbehave at the next `times` requests whose path contains `path`.

        what: status (and headers) instead of an answer, cut (bytes of the body before the
        connection ends), body (another one than announced), headers (replaced), or stall (a
        threading.Event to wait for).
        """
        self.faults.append({"method": method, "path": path, "times": times, **what})

    def planned(self, method: str, path: str) -> dict:
        for fault in self.faults:
            if fault["method"] == method and fault["path"] in path and fault["times"] > 0:
                fault["times"] -= 1
                return fault
        return {}

    def requests(self, method: str, path: str = "") -> list[tuple[str, str, dict]]:
        return [entry for entry in self.log if entry[0] == method and path in entry[1]]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(
        self, status: int, body: bytes = b"", headers: dict | None = None, fault: dict | None = None
    ) -> None:
        fault = fault or {}
        headers = {
            "Content-Length": str(len(body)),
            "Connection": "close",
            **(headers or {}),
            **fault.get("headers", {}),
        }
        if "body" in fault:
            body = fault["body"]
            headers["Content-Length"] = str(len(body))
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: fault.get("cut", len(body))])
        self.close_connection = True

    def json(self, value, status: int = 200) -> None:
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def error(self, status: int, code: str, **headers) -> None:
        self.answer(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code, **headers})

    def serve(self) -> None:
        raw = urlsplit(
            self.path
        ).path  # the "/" within a revision is quoted, those between folders are not
        path = unquote(raw)
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else self.read_chunks()
        self.hub.log.append((self.command, path, dict(self.headers)))
        fault = self.hub.planned(self.command, path)
        if "stall" in fault:
            fault["stall"].wait(60)
        if "status" in fault:
            return self.answer(fault["status"], b"{}", fault.get("headers"))
        for pattern, method in ROUTES:
            if found := re.fullmatch(pattern, raw):
                return method(
                    self, fault, **{key: unquote(value) for key, value in found.groupdict().items()}
                )
        self.error(404, "NotFound")

    do_GET = do_HEAD = do_POST = do_PUT = serve

    def read_chunks(self) -> bytes:
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return body

    def find(self, repository: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """The commit and its files; None where an error was sent instead."""
        token, kind = self.hub.locked.get(repository, (None, None))
        if token and self.headers.get("Authorization") != f"Bearer {token}":
            self.error(401, "GatedRepo" if kind == "gated" else "RepoNotFound")
        elif not any(known == repository for known, _ in self.hub.commits):
            self.error(401, "RepoNotFound")
        else:
            sha = self.hub.refs.get((repository, revision), revision)
            if (repository, sha) in self.hub.commits:
                return sha, self.hub.commits[repository, sha]
            self.error(404, "RevisionNotFound")
        return None

    def resolve(self, fault: dict, repository: str, revision: str, file: str) -> None:
        if repository in self.hub.moved:
            return self.answer(
                307, b"", {"Location": f"/{self.hub.moved[repository]}/resolve/{revision}/{file}"}
            )
        if found := self.find(repository, revision):
            sha, files = found
            if file not in files:
                return self.error(404, "EntryNotFound", **{"X-Repo-Commit": sha})
            body, headers = files[file], {"X-Repo-Commit": sha}
            if not file.endswith(".safetensors"):
                return self.answer(200, body, {**headers, "ETag": f'"{git_hash(body)}"'}, fault)
            digest = hashlib.sha256(body).hexdigest()
            headers |= {
                "X-Linked-Etag": f'"{digest}"',
                "X-Linked-Size": str(len(body)),
                "Location": f"{self.hub.cdn_url}/cdn/{digest}",
            }
            self.answer(302, b"", headers, fault)

    def cdn(self, fault: dict, digest: str) -> None:
        body = self.hub.blobs[digest]
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if not wanted:
            return self.answer(200, body, {"ETag": f'"{digest}"', "Accept-Ranges": "bytes"}, fault)
        start = int(wanted[1])
        if start >= len(body):
            return self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
        self.answer(
            206,
            body[start:],
            {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"},
            fault,
        )

    def describe(self, file: str, body: bytes) -> dict:
        large = {
            "lfs": {
                "sha256": hashlib.sha256(body).hexdigest(),
                "oid": hashlib.sha256(body).hexdigest(),
                "size": len(body),
                "pointerSize": 130,
            }
        }
        return {
            "size": len(body),
            "blobId": git_hash(body),
            "oid": git_hash(body),
            **(large if file.endswith(".safetensors") else {}),
        }

    def info(self, fault: dict, repository: str, revision: str | None = None) -> None:
        if found := self.find(repository, revision or "main"):
            sha, files = found
            siblings = [
                {"rfilename": file, **self.describe(file, body)} for file, body in files.items()
            ]
            private = self.hub.locked.get(repository, ("", ""))[1] == "private"
            self.json(
                {
                    "id": repository,
                    "modelId": repository,
                    "sha": sha,
                    "private": private,
                    "tags": [],
                    "siblings": siblings,
                }
            )

    def tree(self, fault: dict, repository: str, revision: str) -> None:
        if found := self.find(repository, revision):
            self.json(
                [
                    {"type": "file", "path": file, **self.describe(file, body)}
                    for file, body in found[1].items()
                ]
            )

    def create(self, fault: dict) -> None:
        wanted = json.loads(self.body)
        repository = f"{wanted['organization']}/{wanted['name']}"
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if not token:
            return self.error(401, "Unauthorized")
        if any(known == repository for known, _ in self.hub.commits):
            return self.json(
                {
                    "error": "You already created this model repo",
                    "url": f"{self.hub.url}/{repository}",
                },
                409,
            )
        self.hub.commit(repository, {})
        if wanted.get("private") or wanted.get("visibility") == "private":
            self.hub.locked[repository] = (token, "private")
        self.json({"url": f"{self.hub.url}/{repository}", "name": repository, "id": repository})

    def check_card(self, fault: dict) -> None:
        self.json({"errors": [], "warnings": []})

    def preupload(self, fault: dict, repository: str, revision: str) -> None:
        modes = {True: "lfs", False: "regular"}
        files = [file["path"] for file in json.loads(self.body)["files"]]
        self.json(
            {
                "files": [
                    {
                        "path": file,
                        "uploadMode": modes[file.endswith(".safetensors")],
                        "shouldIgnore": False,
                    }
                    for file in files
                ]
            }
        )

    def batch(self, fault: dict, repository: str) -> None:
        objects = json.loads(self.body)["objects"]
        for one in objects:
            one["actions"] = {
                "upload": {"href": f"{self.hub.url}/upload/{one['oid']}"},
                "verify": {"href": f"{self.hub.url}/verify"},
            }
        self.json({"transfer": "basic", "objects": objects})

    def upload(self, fault: dict, digest: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != digest:
            return self.error(400, "BadDigest")
        self.hub.blobs[digest] = self.body
        self.answer(200)

    def verify(self, fault: dict) -> None:
        wanted = json.loads(self.body)
        known = self.hub.blobs.get(wanted["oid"])
        self.answer(200 if known is not None and len(known) == wanted["size"] else 404)

    def receive(self, fault: dict, repository: str, revision: str) -> None:
        if found := self.find(repository, revision):
            files = dict(found[1])
            for line in self.body.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "lfsFile":
                    files[value["path"]] = self.hub.blobs[value["oid"]]
            sha = self.hub.commit(repository, files, revision)
            self.json(
                {
                    "commitUrl": f"{self.hub.url}/{repository}/commit/{sha}",
                    "commitOid": sha,
                    "success": True,
                }
            )


REPOSITORY = r"(?P<repository>[^/]+/[^/]+)"
ROUTES = [
    (rf"/{REPOSITORY}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", Handler.resolve),
    (r"/cdn/(?P<digest>\w+)", Handler.cdn),
    (r"/api/repos/create", Handler.create),
    (r"/api/validate-yaml", Handler.check_card),
    (rf"/api/models/{REPOSITORY}", Handler.info),
    (rf"/api/models/{REPOSITORY}/revision/(?P<revision>.+)", Handler.info),
    (rf"/api/models/{REPOSITORY}/tree/(?P<revision>[^/]+)/?", Handler.tree),
    (rf"/api/models/{REPOSITORY}/preupload/(?P<revision>.+)", Handler.preupload),
    (rf"/api/models/{REPOSITORY}/commit/(?P<revision>.+)", Handler.receive),
    (rf"/{REPOSITORY}\.git/info/lfs/objects/batch", Handler.batch),
    (r"/upload/(?P<digest>\w+)", Handler.upload),
    (r"/verify", Handler.verify),
]
