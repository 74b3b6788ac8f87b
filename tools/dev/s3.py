"""A bucket in a folder, for load.py: S3's PUT and GET with the signatures of headers checked. Standard library only.

    s3.py PORT FOLDER ID SECRET [REGION]
        each object is a file, its key's end; FOLDER/../puts has a line for each that was taken: key, sha256
"""

import hashlib
import hmac
import http.server
import os
import sys
import threading
import urllib.parse

PORT, FOLDER, ID, SECRET = int(sys.argv[1]), *sys.argv[2:5]
REGION = sys.argv[5] if len(sys.argv) > 5 else "us-east-1"


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256)


def signature(method, path, query, headers, names, payload, stamp):
    """Amazon's Signature Version 4 of a request."""
    lines = [f"{n}:{' '.join(headers[n].split())}" for n in names]
    canonical = "\n".join([method, path, query, *lines, "", ";".join(names), payload])
    scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = sign(key, part).digest()
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    return scope, sign(key, "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashed])).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def wrong(self, body):
        """What is wrong with the request; None: nothing."""
        how, _, rest = self.headers.get("Authorization", "").partition(" ")
        parts = dict(p.strip().split("=", 1) for p in rest.split(",") if "=" in p)
        payload, stamp = self.headers.get("x-amz-content-sha256", ""), self.headers.get("x-amz-date", "")
        if how != "AWS4-HMAC-SHA256" or payload != hashlib.sha256(body).hexdigest():
            return "payload"
        path, _, query = self.path.partition("?")
        names = parts.get("SignedHeaders", "").split(";")
        if "host" not in names or any(n not in self.headers for n in names):
            return "headers"
        headers = {n: self.headers[n] for n in names}
        scope, wanted = signature(self.command, path, query, headers, names, payload, stamp)
        if parts.get("Credential") != f"{ID}/{scope}" or not hmac.compare_digest(parts.get("Signature", ""), wanted):
            return "signature"
        return None

    def file(self):
        return os.path.join(FOLDER, os.path.basename(urllib.parse.unquote(self.path.partition("?")[0])))

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        why = self.wrong(body)
        if why:
            return self.answer(403, f"<Error><Code>SignatureDoesNotMatch</Code><Message>{why}</Message></Error>".encode())
        with open(self.file() + f".{threading.get_ident()}.part", "wb") as f:
            f.write(body)
        os.replace(f.name, self.file())
        with open(os.path.join(os.path.dirname(FOLDER), "puts"), "a") as f:
            f.write(f"{os.path.basename(self.file())} {hashlib.sha256(body).hexdigest()}\n")
        self.answer(200)

    def do_GET(self):
        try:
            with open(self.file(), "rb") as f:
                body = f.read()
        except OSError:
            return self.answer(404)
        self.answer(403 if self.wrong(b"") else 200, body)


os.makedirs(FOLDER, exist_ok=True)
for name in os.listdir(FOLDER):  # what a kill left half written
    if name.endswith(".part"):
        os.remove(os.path.join(FOLDER, name))
http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
