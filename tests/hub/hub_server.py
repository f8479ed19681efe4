"""A small Hugging Face Hub on two free ports of 127.0.0.1, for the real client.

It keeps repositories in memory and speaks what loading and publishing a model need. Files come
from a host of their own, as on the real Hub. It can be told to misbehave:

    hub = Hub()
    commit = hub.commit("org/name", {"config.json": b"{}", "model.safetensors": b"..."})
    hub.fault("GET", "/cdn/", cut=1000)  # once: close after 1,000 bytes of the body
    hub.down()  # the ports refuse connections until hub.up()
"""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NoReturn
from urllib.parse import unquote, urlsplit


def git_hash(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class Hub:
    """Repositories, commits and branches, uploaded blobs, planned faults, a log of requests."""

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

    def has(self, repository: str) -> bool:
        return any(known == repository for known, _ in self.commits)

    def commit(self, repository: str, files: dict[str, bytes], branch: str = "main") -> str:
        sha = hashlib.sha1(f"{repository} {branch} {len(self.commits)}".encode()).hexdigest()
        self.commits[repository, sha] = files
        self.refs[repository, branch] = sha
        self.blobs |= {sha256(body): body for body in files.values()}
        return sha

    def fault(self, method: str, path: str, times: int = 1, **what) -> None:
        """Misbehave at the next `times` requests whose path contains `path`: a `status` (and
        `headers`) instead of an answer, `act`, a function that answers, `cut` after so many bytes
        of the body, another `body`, other `headers`, or `stall` until a threading.Event is set."""
        self.faults.append({"method": method, "path": path, "times": times, **what})

    def planned(self, method: str, path: str) -> dict:
        for fault in self.faults:
            if fault["method"] == method and fault["path"] in path and fault["times"] > 0:
                fault["times"] -= 1
                return fault
        return {}

    def requests(self, method: str, path: str = "") -> list[tuple[str, str, dict]]:
        return [entry for entry in self.log if entry[0] == method and path in entry[1]]


class Answered(Exception):
    """An error was sent: there is nothing left to do."""


class Server(BaseHTTPRequestHandler):
    """Requests, answers and faults; the routes are below."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (Answered, BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def serve(self) -> None:
        # A "/" within a revision is quoted, those between folders are not.
        raw = urlsplit(self.path).path
        path = unquote(raw)
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else self.read_chunks()
        self.hub.log.append((self.command, path, dict(self.headers)))
        self.fault = self.hub.planned(self.command, path)
        if "stall" in self.fault:
            self.fault["stall"].wait(60)
        if act := self.fault.get("act"):
            return act(self)
        if "status" in self.fault:
            return self.answer(self.fault["status"], b"{}", self.fault.get("headers"))
        for pattern, method in ROUTES:
            if match := re.fullmatch(pattern, raw):
                parts = {key: unquote(value) for key, value in match.groupdict().items()}
                return method(self, **parts)
        self.error(404, "NotFound")

    do_GET = do_HEAD = do_POST = do_PUT = serve

    def read_chunks(self) -> bytes:
        body = b""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return body
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(
        self, status: int, body: bytes = b"", headers: dict | None = None, faulty: bool = False
    ) -> None:
        """Send an answer; a faulty one as the planned fault says."""
        fault = self.fault if faulty else {}
        body = fault.get("body", body)
        headers = {"Connection": "close", **(headers or {}), **fault.get("headers", {})}
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: fault.get("cut", len(body))])
        self.close_connection = True

    def json(self, value, status: int = 200) -> None:
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def error(self, status: int, code: str, **headers) -> NoReturn:
        self.answer(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code, **headers})
        raise Answered


class Handler(Server):
    """What the Hub answers, one method a route."""

    def find(self, repository: str, revision: str) -> tuple[str, dict[str, bytes]]:
        """The commit and its files."""
        token, kind = self.hub.locked.get(repository, (None, None))
        if token and self.headers.get("Authorization") != f"Bearer {token}":
            self.error(401, "GatedRepo" if kind == "gated" else "RepoNotFound")
        if not self.hub.has(repository):
            self.error(401, "RepoNotFound")
        sha = self.hub.refs.get((repository, revision), revision)
        if (repository, sha) not in self.hub.commits:
            self.error(404, "RevisionNotFound")
        return sha, self.hub.commits[repository, sha]

    def resolve(self, repository: str, revision: str, file: str) -> None:
        if repository in self.hub.moved:
            location = f"/{self.hub.moved[repository]}/resolve/{revision}/{file}"
            return self.answer(307, b"", {"Location": location})
        sha, files = self.find(repository, revision)
        headers = {"X-Repo-Commit": sha}
        if file not in files:
            self.error(404, "EntryNotFound", **headers)
        body = files[file]
        if not file.endswith(".safetensors"):
            headers["ETag"] = f'"{git_hash(body)}"'
            return self.answer(200, body, headers, faulty=True)
        headers |= {
            "X-Linked-Etag": f'"{sha256(body)}"',
            "X-Linked-Size": str(len(body)),
            "Location": f"http://localhost:{self.hub.ports[1]}/cdn/{sha256(body)}",
        }
        self.answer(302, b"", headers, faulty=True)

    def cdn(self, digest: str) -> None:
        body = self.hub.blobs[digest]
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if not wanted:
            headers = {"ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
            return self.answer(200, body, headers, faulty=True)
        start, size = int(wanted[1]), len(body)
        if start >= size:
            return self.answer(416, b"", {"Content-Range": f"bytes */{size}"})
        place = f"bytes {start}-{size - 1}/{size}"
        self.answer(206, body[start:], {"Content-Range": place}, faulty=True)

    def describe(self, file: str, body: bytes) -> dict:
        entry = {"size": len(body), "blobId": git_hash(body), "oid": git_hash(body)}
        if file.endswith(".safetensors"):
            large = {"sha256": sha256(body), "oid": sha256(body), "size": len(body)}
            entry["lfs"] = {**large, "pointerSize": 130}
        return entry

    def info(self, repository: str, revision: str | None = None) -> None:
        sha, files = self.find(repository, revision or "main")
        private = self.hub.locked.get(repository, ("", ""))[1] == "private"
        siblings = [{"rfilename": f, **self.describe(f, body)} for f, body in files.items()]
        model = {"id": repository, "modelId": repository, "sha": sha, "private": private}
        self.json({**model, "tags": [], "siblings": siblings})

    def tree(self, repository: str, revision: str) -> None:
        files = self.find(repository, revision)[1].items()
        self.json([{"type": "file", "path": f, **self.describe(f, b)} for f, b in files])

    def create(self) -> None:
        wanted = json.loads(self.body)
        repository = f"{wanted['organization']}/{wanted['name']}"
        url = f"{self.hub.url}/{repository}"
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if not token:
            self.error(401, "Unauthorized")
        if self.hub.has(repository):
            return self.json({"error": "You already created this model repo", "url": url}, 409)
        self.hub.commit(repository, {})
        if wanted.get("private") or wanted.get("visibility") == "private":
            self.hub.locked[repository] = token, "private"
        self.json({"url": url, "name": repository, "id": repository})

    def check_card(self) -> None:
        self.json({"errors": [], "warnings": []})

    def preupload(self, repository: str, revision: str) -> None:
        paths = [file["path"] for file in json.loads(self.body)["files"]]
        modes = {path: "lfs" if path.endswith(".safetensors") else "regular" for path in paths}
        files = [{"path": p, "uploadMode": m, "shouldIgnore": False} for p, m in modes.items()]
        self.json({"files": files})

    def batch(self, repository: str) -> None:
        objects = json.loads(self.body)["objects"]
        for one in objects:
            upload = {"href": f"{self.hub.url}/upload/{one['oid']}"}
            one["actions"] = {"upload": upload, "verify": {"href": f"{self.hub.url}/verify"}}
        self.json({"transfer": "basic", "objects": objects})

    def upload(self, digest: str) -> None:
        if sha256(self.body) != digest:
            self.error(400, "BadDigest")
        self.hub.blobs[digest] = self.body
        self.answer(200)

    def verify(self) -> None:
        wanted = json.loads(self.body)
        body = self.hub.blobs.get(wanted["oid"])
        self.answer(200 if body is not None and len(body) == wanted["size"] else 404)

    def receive(self, repository: str, revision: str) -> None:
        files = dict(self.find(repository, revision)[1])
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
        sha = self.hub.commit(repository, files, revision)
        url = f"{self.hub.url}/{repository}/commit/{sha}"
        self.json({"commitUrl": url, "commitOid": sha, "success": True})


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
