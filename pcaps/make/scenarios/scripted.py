"""Conversations written by hand, where no endpoint of today speaks so; their encrypted parts mean nothing."""

import os
import ssl
import sys

from lab import NAME
from registry import scenario
from scripted import downgrade_conversation, draft_conversation, rsa_conversation, ssl2_conversation

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scripted.py")


def der(lab, name):
    with open(lab.pki.cert(name)) as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


def play(lab, steps):
    path = lab.file("steps", "".join(f"{sender} {data.hex()}\n" for sender, data in steps))
    lab.server(sys.executable, SCRIPT, "server", "443", path)
    lab.record()
    lab.client(sys.executable, SCRIPT, "client", "443", path, hold=0)


@scenario("an export suite: TLS_RSA_EXPORT_WITH_RC4_40_MD5 in TLS 1.0")
def export_cipher(lab):
    lab.pki.leaf("rsa")
    chain = [der(lab, "rsa"), der(lab, "intermediate")]
    play(lab, rsa_conversation(0x0301, 0x0003, 0, b"\0\3\0\6\0\4", chain, bytes(range(32)), NAME))
    return [{"server_name": NAME, "outcome": "completed", "version": "TLS 1.0", "cipher": "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
             "server_certificates": 2, "findings": ["export-cipher"]}]


@scenario("an export suite is offered, and RC4 with 128 bits chosen: TLS_RSA_WITH_RC4_128_MD5 in TLS 1.0")
def export_cipher_offered(lab):
    lab.pki.leaf("rsa")
    chain = [der(lab, "rsa"), der(lab, "intermediate")]
    play(lab, rsa_conversation(0x0301, 0x0004, 0, b"\0\3\0\6\0\4", chain, bytes(range(32)), NAME))
    return [{"server_name": NAME, "outcome": "completed", "version": "TLS 1.0", "cipher": "TLS_RSA_WITH_RC4_128_MD5",
             "server_certificates": 2, "no_findings": ["export-cipher"]}]


@scenario("compression with DEFLATE is offered in TLS 1.2, and not taken")
def compression_offered(lab):
    lab.pki.leaf("rsa")
    chain = [der(lab, "rsa"), der(lab, "intermediate")]
    play(lab, rsa_conversation(0x0303, 0x002F, 0, b"\0\x2f", chain, bytes(range(80)), NAME, compressions=b"\1\0"))
    return [{"server_name": NAME, "outcome": "completed", "version": "TLS 1.2", "cipher": "TLS_RSA_WITH_AES_128_CBC_SHA",
             "compression": "null", "server_certificates": 2, "no_findings": ["compression"]}]


@scenario("compression with DEFLATE in TLS 1.2")
def compression_deflate(lab):
    lab.pki.leaf("rsa")
    chain = [der(lab, "rsa"), der(lab, "intermediate")]
    play(lab, rsa_conversation(0x0303, 0x002F, 1, b"\0\x2f", chain, bytes(range(80)), NAME))
    return [{"server_name": NAME, "outcome": "completed", "version": "TLS 1.2", "cipher": "TLS_RSA_WITH_AES_128_CBC_SHA",
             "server_certificates": 2, "findings": ["compression"]}]


@scenario("SSL 2.0 on both sides")
def ssl20(lab):
    lab.pki.leaf("rsa")
    play(lab, ssl2_conversation(der(lab, "rsa")))
    return [{"server_name": None, "version": "SSL 2.0"}]


@scenario("TLS 1.3 as draft 28 had it")
def tls13_draft28(lab):
    play(lab, draft_conversation(0x7F1C, NAME))
    return [{"server_name": NAME, "outcome": "completed", "version": "TLS 1.3 draft 28", "cipher": "TLS_AES_128_GCM_SHA256",
             "named_group": "x25519"}]


@scenario("the client offers TLS 1.3, the server answers TLS 1.2 with the sentinel of one that could do TLS 1.3")
def downgrade_sentinel(lab):
    lab.pki.leaf("rsa")
    play(lab, downgrade_conversation([der(lab, "rsa"), der(lab, "intermediate")], NAME))
    return [{"server_name": NAME, "outcome": "completed", "version": "TLS 1.2", "version_offered": "TLS 1.3",
             "findings": ["downgrade-sentinel"]}]
