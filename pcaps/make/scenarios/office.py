"""An office: several clients and servers in one capture, for README.md."""

import json
import os
import signal
import threading
import time

from node import endpoint, node_client, node_seen
from openssl import OLD, failed, s_client, s_server, seen
from registry import scenario

WIKI, MAIL, FILES, CAMERA, SHOP = (f"192.0.2.{last}" for last in (21, 22, 23, 24, 2))
LAPTOP, PRINTER, TABLET, SCANNER = (f"192.0.2.{last}" for last in (101, 102, 103, 104))


def addresses(lab):
    for side, extra in (("client", (LAPTOP, PRINTER, TABLET, SCANNER)), ("server", (WIKI, MAIL, FILES, CAMERA))):
        for address in extra:
            os.system(f"ip -n {lab.spaces[side]} address add {address}/24 dev eth0")


def servers(lab):
    """Who answers: one server is modern, one asks little of its clients, one certificate ends soon, one has ended."""
    lab.pki.leaf("wiki", "ec", san="DNS:wiki.office.example", common_name="wiki.office.example", last=12)
    lab.pki.leaf("mail", "rsa", san="DNS:mail.office.example", common_name="mail.office.example", last=70)
    lab.pki.leaf("files", "rsa", san="DNS:files.office.example", common_name="files.office.example", last=200)
    lab.pki.leaf("camera", "rsa", san="DNS:camera.office.example", common_name="camera.office.example", first=-400,
                 last=-35)
    lab.pki.leaf("shop", "ec", san="DNS:shop.example", common_name="shop.example")
    shop = {"cert": lab.pki.chain("shop", "intermediate"), "key": lab.pki.key("shop"), "port": 8443,
            "ALPNProtocols": ["h2", "http/1.1"]}
    lab.server(*endpoint(lab), "server", json.dumps(shop), port=8443)
    found = {
        WIKI: s_server(lab, "-tls1_2", cert="wiki", address=WIKI),
        MAIL: s_server(lab, "-cipher", "ALL" + OLD, cert="mail", address=MAIL, port=993, env=lenient(lab)),
        FILES: s_server(lab, cert="files", address=FILES),
        CAMERA: s_server(lab, "-tls1_2", cert="camera", address=CAMERA),
    }
    time.sleep(0.5)
    return found


def lenient(lab):
    """An OpenSSL configuration that allows what Debian's forbids."""
    return {"OPENSSL_CONF": lab.file("lenient.cnf", "openssl_conf = all\n[all]\nssl_conf = modules\n[modules]\n"
                                     "system_default = options\n[options]\nMinProtocol = TLSv1\n"
                                     "CipherString = DEFAULT@SECLEVEL=0\n")}


def visit(lab, host, address, *options, client, port=443, **more):
    """The laptop was told not to offer old versions; the tablet offers what its library does."""
    modern = ["-min_protocol", "TLSv1.2"] if client == LAPTOP else []
    return s_client(lab, *options, *modern, "-bind", f"{client}:0", sni=host, address=address, port=port, keys=False, **more)


def slowly(server, seconds, action):
    """The server does not run for that long, as a busy one."""
    os.killpg(server.process.pid, signal.SIGSTOP)
    threading.Timer(seconds, os.killpg, (server.process.pid, signal.SIGCONT)).start()
    return action()


@scenario("several clients and servers, old and new: what README.md reads")
def office(lab):
    addresses(lab)
    server = servers(lab)
    lab.record()
    wiki, mail, files = "wiki.office.example", "mail.office.example", "files.office.example"
    rows = []

    said = node_client(lab, host=SHOP, port=8443, servername="shop.example", localAddress=LAPTOP, keylog=None,
                       ALPNProtocols=["h2", "http/1.1"])
    rows.append(node_seen(said[0], sni="shop.example", named_group="X25519MLKEM768", key_exchange="hybrid",
                          post_quantum=1, client_ip=LAPTOP))
    for client in (LAPTOP, TABLET):
        rows.append(seen(visit(lab, wiki, WIKI, client=client), sni=wiki, client_ip=client))
    rows.append(seen(slowly(server[FILES], 0.24, lambda: visit(lab, files, FILES, client=LAPTOP)), sni=files,
                     client_ip=LAPTOP))
    rows.append(seen(visit(lab, files, FILES, client=TABLET), sni=files, client_ip=TABLET))
    rows.append(seen(visit(lab, mail, MAIL, client=LAPTOP, port=993), sni=mail, client_ip=LAPTOP))
    old = lenient(lab)
    rows.append(seen(visit(lab, None, MAIL, "-tls1", "-cipher", "ALL" + OLD, client=PRINTER, port=993, env=old),
                     sni=None, client_ip=PRINTER))
    refused = visit(lab, wiki, WIKI, "-tls1", "-cipher", "ALL" + OLD, client=PRINTER, env=old)
    assert refused.has("alert protocol version"), refused.text
    rows.append(failed("server", "no-common-version", sni=wiki, alert="protocol_version", version_offered="TLS 1.0",
                       client_ip=PRINTER))
    rows.append(seen(visit(lab, mail, MAIL, "-no_tls1_3", "-cipher", "ALL" + OLD, client=SCANNER, port=993, env=old),
                     sni=mail, client_ip=SCANNER))
    session = os.path.join(lab.work, "session.pem")
    rows.append(seen(visit(lab, files, FILES, "-sess_out", session, client=LAPTOP), sni=files, client_ip=LAPTOP))
    rows.append(seen(visit(lab, files, FILES, "-sess_in", session, client=LAPTOP), sni=files, client_ip=LAPTOP))
    camera = "camera.office.example"
    outdated = visit(lab, camera, CAMERA, "-verify_return_error", client=TABLET)
    assert outdated.has("certificate has expired"), outdated.text
    rows.append(failed("client", "certificate-expired", sni=camera, version="TLS 1.2", alert="certificate_expired",
                       client_ip=TABLET))
    return rows
