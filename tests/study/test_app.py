"""The addresses of the server: they hand out what they should, and no other file."""

import http.client
import json
import re

import httpx
import pytest

from synthderm.study.middleware import BODY_LIMIT
from synthderm.study.study_folder import PAGES


def test_image_replies_differ_in_nothing_but_the_image(client, study):
    seen = set()
    for name in study.origins:
        reply = client.get(f"/images/{name}")
        headers = dict(reply.headers)
        for own in ("content-length", "date"):
            headers.pop(own)
        seen.add(json.dumps(headers, sort_keys=True))
        assert reply.content == study.image(name).read_bytes()
    assert len(seen) == 1 and "last-modified" not in seen.pop()


OTHER_FILES = [
    "/images/../study.json",
    "/images/..%2ftrials.csv",
    "/images/%2e%2e/images.csv",
    "/images//etc/passwd",
    "/static/../routes.py",
    "/static/..%5croutes.py",
    "/static/%2e%2e%2froutes.py",
    "/images/00000000000000000000000000000000.jpg",
    "/study.json",
    "/trials.csv",
    "/answers.sqlite",
    "/docs",
    "/openapi.json",
    "/images/....//trials.csv",
    "//study.json",
    "/images/%00.jpg",
]


@pytest.mark.parametrize("path", OTHER_FILES)
def test_no_way_to_other_files(shared, path):
    # This client sends the path as it is.
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=10)
    connection.request("GET", path)
    assert connection.getresponse().status == 404
    connection.close()


MALFORMED = [
    b"{}",
    b"",
    b"not json",
    b"[" * 2000,
    b"\xff\xfe",
    b'{"position": NaN}',
    b"null",
    b'{"position": -1, "choice": "a", "milliseconds": 1}',
    b'{"position": 1e400, "choice": "a", "milliseconds": 1}',
    b'{"position": "0", "choice": "a", "milliseconds": 1}',
    b'{"position": true, "choice": "a", "milliseconds": 1}',
    b'{"position": 0, "choice": "a", "milliseconds": -5}',
    b'{"position": 0, "choice": ["a"], "milliseconds": 1}',
    b'{"position": 99999999999999999999999, "choice": "a", "milliseconds": 1}',
]
TOO_LARGE = [b"x" * (BODY_LIMIT + 1), b"x" * 5_000_000]


@pytest.mark.parametrize(
    ("body", "status"),
    [(body, 422) for body in MALFORMED] + [(body, 413) for body in TOO_LARGE],
)
def test_malformed_bodies_are_refused_and_nothing_breaks(shared, body, status):
    with shared.client() as client:
        headers = shared.join(client)
    try:
        with shared.client() as client:
            headers_of_body = headers | {"Content-Type": "application/json"}
            reply = client.post("/api/answer", headers=headers_of_body, content=body)
        assert reply.status_code in (status, 400)
        assert "Traceback" not in reply.text and len(reply.text) < 1000
    except httpx.TransportError:
        assert status == 413, "the connection is closed for oversized bodies only"
    with shared.client() as fresh:
        assert fresh.get("/api/state", headers=headers).status_code == 200


def test_pages_name_no_other_host():
    address = re.compile(r"""https?://[^\s"'<>]+|["'(]//[a-z][^\s"')]*""")
    addresses = [found for page in PAGES.iterdir() for found in address.findall(page.read_text())]
    assert addresses == ["http://www.w3.org/2000/svg"], (
        "the name of a format, which is never fetched"
    )


def test_words_cannot_break_out_of_the_page(folder, start):
    (folder / "consent.txt").write_text("<script>alert(1)</script> & more $title\n\nNext.")
    texts = json.loads((folder / "texts.json").read_text())
    texts["done"] = "</script><script>alert(1)</script>"
    (folder / "texts.json").write_text(json.dumps(texts))
    server = start(folder)
    with server.client() as client:
        page = client.get(f"/s/{server.invitation}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more $title" in page
    assert page.count("</script>") == 2
