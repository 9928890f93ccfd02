"""Endpoints on Node's tls module, for the sake of its OpenSSL 3.5."""

import json
import os

from lab import NAME, SERVER
from openssl import VERSIONS, finish

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tls.mjs")


def endpoint(lab):
    assert lab.tools["node"], "give --node"
    return [lab.tools["node"], SCRIPT]


def node_server(lab, cert="ec", **options):
    lab.pki.leaf(cert)
    given = {"cert": lab.pki.chain(cert, "intermediate"), "key": lab.pki.key(cert), **options}
    return lab.server(*endpoint(lab), "server", json.dumps(given))


def node_client(lab, **options):
    given = {"host": SERVER, "servername": NAME, "ca": lab.pki.root, "keylog": lab.keylog, **options}
    result = lab.client(*endpoint(lab), "client", json.dumps(given))
    return [json.loads(line) for line in result.text.splitlines() if line.startswith("{")]


def node_seen(said, sni=NAME, **more):
    assert "error" not in said, said
    row = {"server_name": sni, "outcome": "completed", "version": VERSIONS[said["version"]], "cipher": said["cipher"],
           "resumption": "none"}
    hidden = {}
    place = hidden if row["version"] == "TLS 1.3" else row
    place["alpn"] = said["alpn"]
    if said["reused"]:
        row["resumption"] = "psk" if row["version"] == "TLS 1.3" else "ticket"
    return finish(row, hidden, more)
