"""A hub on the loopback that speaks the calls of huggingface_hub: no test needs the network.

What it answers is what the client, version 2.4, asks for; files that are no text go through LFS.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

LARGE = (".safetensors", ".pkl", ".pt", ".mp4", ".png", ".zip")
TOKEN, READER = "hf_mayWrite", "hf_mayRead"
ME = "me"  # whom TOKEN is of
KNOWN = ("transformers",)  # the libraries that this hub knows


@dataclass
class Repository:
    """A repository: the files of its only revision, `main`."""

    kind: str = "model"
    files: dict[str, bytes] = field(default_factory=dict)
    library: str | None = None
    is_private: bool = False

    @property
    def commit(self) -> str:
        digest = hashlib.sha1(usedforsecurity=False)
        for name in sorted(self.files):
            digest.update(name.encode() + b"\0" + self.files[name])
        return digest.hexdigest()


class LocalHub:
    """The server; `received` are the bytes of all files that were sent to it, by their names.

    The next download of a file named in `cut_after` breaks off after that many bytes; what
    `answers` has for a path's end is answered instead of what is right: a status.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.received: dict[str, bytes] = {}
        self.stored: dict[str, bytes] = {}  # by SHA-256
        self.requests: list[tuple[str, str, str | None]] = []  # method, path, range
        self.cut_after: dict[str, int] = {}
        self.answers: dict[str, int] = {}
        self.cards: list[str] = []
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> "LocalHub":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def downloads(self, name: str) -> list[str | None]:
        """The ranges of all GETs of a file."""
        return [r for method, path, r in self.requests if method == "GET" and path.endswith(name)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LocalHub

    def log_message(self, *_: object) -> None:
        pass

    # What all methods share

    def _handle(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        status = next((s for end, s in self.hub.answers.items() if path.endswith(end)), None)
        if status:
            return self._refuse(status, "Made so by the test")
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in ("", TOKEN, READER):
            return self._refuse(401, "Invalid credentials in Authorization header")
        self.may_write = token == TOKEN
        for method, pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, path)
            if method == self.command and found:
                return answer(self, *found.groups())
        return self._refuse(404, "there is no such page")

    do_GET = do_HEAD = do_POST = do_PUT = _handle  # noqa: N815 (the names of the base class)

    def _answer(self, content: Any, status: int = 200, **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _refuse(self, status: int, message: str, code: str = "") -> None:
        headers = {"X_Error_Message": message} | ({"X_Error_Code": code} if code else {})
        self._answer({"error": message}, status, **headers)

    def _find(self, kinds: str, name: str) -> Repository | None:
        """A repository that may be seen; without one, the refusal was sent."""
        repository = self.hub.repositories.get(name)
        if repository is None or f"{repository.kind}s" != kinds:
            self._refuse(404, "Repository not found", "RepoNotFound")
            return None
        return repository

    def _is_refused(self, owner: str) -> bool:
        if owner != ME or not self.may_write:
            self._refuse(403, f"You don't have the rights to create a model under {owner}")
            return True
        return False

    # Repositories

    def create(self) -> None:
        values = json.loads(self.body)
        owner = values.get("organization") or ME
        if self._is_refused(owner):
            return None
        name = f"{owner}/{values['name']}"
        if name in self.hub.repositories:
            return self._answer({"url": f"{self.hub.address}/{name}"}, 409)
        is_private = values.get("visibility") == "private"
        self.hub.repositories[name] = Repository(is_private=is_private)
        return self._answer({"url": f"{self.hub.address}/{name}"})

    def information(self, kinds: str, name: str, revision: str | None = None) -> None:
        repository = self._find(kinds, name)
        if repository is None:
            return
        siblings = [
            {"rfilename": n, "size": len(c), "blobId": _git(c)}
            | (
                {"lfs": {"sha256": _sha256(c), "size": len(c), "pointerSize": 1}}
                if _large(n)
                else {}
            )
            for n, c in repository.files.items()
        ]
        values = {"id": name, "sha": repository.commit, "siblings": siblings, "tags": []}
        card = front_matter(repository.files.get("README.md", b"").decode())
        values |= {"private": repository.is_private, "cardData": card}
        if repository.library in KNOWN:
            values["library_name"] = repository.library
        self._answer(values)

    # Uploads

    def validate(self) -> None:
        content = json.loads(self.body)["content"]
        self.hub.cards.append(content)
        errors = card_errors(content)
        self._answer({"errors": errors, "warnings": []}, 400 if errors else 200)

    def announce(self, name: str) -> None:
        if self._is_refused(name.split("/")[0]):
            return
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if _large(file["path"]) else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(self.body)["files"]
        ]
        self._answer({"files": files})

    def batch(self, name: str) -> None:
        if self._is_refused(name.split("/")[0]):
            return
        objects = json.loads(self.body)["objects"]
        for one in objects:
            if one["oid"] not in self.hub.stored:
                href = f"{self.hub.address}/store/{one['oid']}"
                one["actions"] = {"upload": {"href": href}}
        self._answer({"transfer": "basic", "objects": objects})

    def store(self, oid: str) -> None:
        content = self.body
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        if _sha256(content) != oid:
            return self._refuse(400, "not what was announced")
        self.hub.stored[oid] = content
        return self._answer({})

    def commit(self, name: str) -> None:
        if self._is_refused(name.split("/")[0]):
            return
        repository = self.hub.repositories[name]
        for line in self.body.splitlines():
            match json.loads(line):
                case {"key": "file", "value": {"path": path, "content": text}}:
                    repository.files[path] = self.hub.received[path] = base64.b64decode(text)
                case {"key": "lfsFile", "value": {"path": path, "oid": oid}}:
                    repository.files[path] = self.hub.received[path] = self.hub.stored[oid]
        match front_matter(repository.files["README.md"].decode()):
            case {"library_name": library}:
                repository.library = library
        url = f"{self.hub.address}/{name}/commit/{repository.commit}"
        self._answer({"commitUrl": url, "commitOid": repository.commit})

    # Downloads

    def resolve(self, name: str, revision: str, file: str) -> None:
        repository = self._find("models", name)
        if repository is None:
            return None
        if revision not in ("main", repository.commit):
            return self._refuse(404, "Revision not found", "RevisionNotFound")
        if file not in repository.files:
            return self._refuse(404, "Entry not found", "EntryNotFound")
        content = repository.files[file]
        etag = _sha256(content) if _large(file) else _git(content)
        headers = {
            "X_Repo_Commit": repository.commit,
            "ETag": f'"{etag}"',
            "Accept_Ranges": "bytes",
        }
        status, start = 200, 0
        if found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or ""):
            status, start = 206, int(found[1])
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        headers["Content_Length"] = str(len(content) - start)
        if self.command == "GET" and file in self.hub.cut_after:
            content = content[: start + self.hub.cut_after.pop(file)]
            self.close_connection = True
        return self._answer(content[start:], status, **headers)


_NAME = r"([^/]+/[^/]+)"
_ROUTES = [
    ("POST", "/api/repos/create", _Handler.create),
    ("POST", "/api/validate-yaml", _Handler.validate),
    ("GET", rf"/api/(models|datasets|spaces)/{_NAME}", _Handler.information),
    ("GET", rf"/api/(models)/{_NAME}/revision/(.+)", _Handler.information),
    ("POST", rf"/api/models/{_NAME}/preupload/main", _Handler.announce),
    ("POST", rf"/{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    ("PUT", r"/store/([0-9a-f]{64})", _Handler.store),
    ("POST", rf"/api/models/{_NAME}/commit/main", _Handler.commit),
    ("HEAD", rf"/{_NAME}/resolve/([^/]+)/(.+)", _Handler.resolve),
    ("GET", rf"/{_NAME}/resolve/([^/]+)/(.+)", _Handler.resolve),
]


def front_matter(card: str) -> Any:
    """The YAML that a card begins with."""
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    return yaml.safe_load(found[1]) if found else None


def card_errors(card: str) -> list[dict[str, str]]:
    """What the hub's schema has against a card, as far as this project uses it."""
    values = front_matter(card)
    try:
        texts = [values["library_name"], values["pipeline_tag"], *values["tags"]]
        for model in values["model-index"]:
            texts.append(model["name"])
            for result in model["results"]:
                texts += [result["task"]["type"], *result["dataset"].values()]
                texts += [metric[key] for metric in result["metrics"] for key in ("type", "value")]
                assert all(metric["verified"] is False for metric in result["metrics"])
        assert all(isinstance(text, str) for text in texts)
    except (KeyError, TypeError, AssertionError) as error:
        return [{"message": f"the card's metadata lack something: {error!r}"}]
    return []


@contextmanager
def in_use(
    hub: LocalHub, monkeypatch: Any, folder: Any, token: str | None = TOKEN
) -> Iterator[None]:
    """Make the client of this process use a local hub, with its cache and tokens in `folder`."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    yield


def environment(hub: LocalHub, folder: Any, token: str | None = TOKEN) -> dict[str, str]:
    """The same for another process, as environment variables."""
    values = {"HF_ENDPOINT": hub.address, "HF_HOME": str(folder), "HF_HUB_DISABLE_XET": "1"}
    return values | ({"HF_TOKEN": token} if token else {})


def _large(name: str) -> bool:
    return name.endswith(LARGE)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _git(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
