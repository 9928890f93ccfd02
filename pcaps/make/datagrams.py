"""Endpoints that speak in datagrams and frames: DTLS by OpenSSL and GnuTLS, OpenVPN, hostapd and eapol_test."""

import os
import re

from lab import SERVER
from openssl import finish

HERE = os.path.dirname(os.path.abspath(__file__))
OPENVPN_PORT, RADIUS_PORT, RADIUS_SECRET = 1194, 1812, "secret"


def datagram_server(lab, *command, port=443):
    server = lab.server(*command, wait=False)
    try:
        lab.wait_for(lambda: f":{port} " in lab.udp_sockets(), "", seconds=6)
    except RuntimeError:
        raise RuntimeError(f"server does not listen: {server.text()}") from None
    return server


def dtls_server(lab, *options, cert="rsa", version="-dtls1_2", port=443):
    return datagram_server(lab, "openssl", "s_server", "-accept", str(port), version, "-cert", lab.pki.cert(cert), "-key",
                           lab.pki.key(cert), "-cert_chain", lab.pki.chain("intermediate"), *options, port=port)


def dtls_gnutls_server(lab, *options, cert="rsa", priority="NORMAL"):
    lab.pki.leaf(cert)
    return datagram_server(lab, "gnutls-serv", "--udp", "--echo", "-p", "443", "--priority", priority, "--x509certfile",
                           lab.pki.chain(cert, "intermediate"), "--x509keyfile", lab.pki.key(cert), *options)


def over_dtls(row, cookie):
    return row | {"transport": "dtls", "dtls_cookie": cookie}


def bad_network(lab, port, seed):
    """A relay in front of the server at `port` that loses, repeats and holds back what passes, the same way each time."""
    return datagram_server(lab, "python3", os.path.join(HERE, "relay.py"), "443", str(port), str(seed))


# ---- OpenVPN ----

def openvpn(lab, *options, protocol="udp", key=False):
    """A tunnel between the two ends; both give up once the client has come up."""
    listens = "udp" if protocol == "udp" else "tcp-server"
    calls = "udp" if protocol == "udp" else "tcp-client"
    common = ["--dev", "null", "--ca", lab.pki.root, "--verb", "4", "--data-ciphers", "AES-256-GCM", "--port", str(OPENVPN_PORT),
              *options]
    if key:
        secret = lab.work + "/static.key"
        lab.client("openvpn", "--genkey", "secret", secret, hold=0)
        common += ["--tls-auth", secret]
    lab.pki.leaf("rsa")
    lab.pki.client()
    server = lab.server("openvpn", "--tls-server", "--dh", "none", "--proto", listens, "--cert", lab.pki.chain("rsa", "intermediate"),
                        "--key", lab.pki.key("rsa"), *common, wait=False)
    lab.wait_for(lambda: f":{OPENVPN_PORT} " in (lab.udp_sockets() if protocol == "udp" else "") or
                 (protocol == "tcp" and lab.listening(OPENVPN_PORT)), "OpenVPN does not listen")
    lab.record(filter=protocol)
    client = lab.client("timeout", "6", "openvpn", "--tls-client", "--proto", calls, "--remote", SERVER, "--cert",
                        lab.pki.chain("client", "intermediate"), "--key", lab.pki.key("client"), *common, seconds=9)
    return server, client


def openvpn_seen(client, **more):
    channel = re.search(r"Control Channel: (TLSv[0-9.]+), cipher \S+ (\S+),", client.text)
    assert channel, client.text
    version = channel.group(1).replace("TLSv", "TLS ")
    row = {"server_name": None, "outcome": "completed", "version": version, "starttls": "openvpn", "resumption": "none"}
    if version == "TLS 1.3":
        row["cipher"] = channel.group(2)
    return finish(row, {}, more)


# ---- EAP ----

def hostapd(lab, *lines, driver="none"):
    """A RADIUS server, or an authenticator on the wire, with users who show a certificate or a password."""
    lab.pki.leaf("rsa")
    users = lab.file("users", '"client" TLS\n"peap" PEAP\n"ttls" TTLS\n"peap" MSCHAPV2 "secret" [2]\n"ttls" TTLS-MSCHAPV2 "secret" [2]\n')
    clients = lab.file("clients", f"0.0.0.0/0 {RADIUS_SECRET}\n")
    interface = ["interface=eth0", "ieee8021x=1", "eapol_version=2"] if driver == "wired" else []
    radius = [] if driver == "wired" else [f"radius_server_clients={clients}", f"radius_server_auth_port={RADIUS_PORT}"]
    text = [f"driver={driver}", *interface, *radius, "eap_server=1", f"eap_user_file={users}", f"ca_cert={lab.pki.root}",
            f"server_cert={lab.pki.chain('rsa', 'intermediate')}", f"private_key={lab.pki.key('rsa')}", *lines]
    return lab.server("hostapd", "-d", lab.file("hostapd.conf", "\n".join(text) + "\n"), wait=False)


def supplicant(lab, method, *lines):
    text = ["network={", "key_mgmt=IEEE8021X" if "wired" in lines else "key_mgmt=WPA-EAP", f"eap={method}",
            f'identity="{ {"TLS": "client", "PEAP": "peap", "TTLS": "ttls"}[method] }"', f'ca_cert="{lab.pki.root}"']
    if method == "TLS":
        lab.pki.client()
        text += [f'client_cert="{lab.pki.chain("client", "intermediate")}"', f'private_key="{lab.pki.key("client")}"']
    else:
        text += ['password="secret"', 'phase2="auth=MSCHAPV2"']
    text += [line for line in lines if line != "wired"]
    head = "ap_scan=0\n" if "wired" in lines else ""
    return lab.file("network.conf", head + "\n".join(text) + "\n}\n")


def ask_radius(lab, method, *lines, times=0):
    return lab.client("eapol_test", "-c", supplicant(lab, method, *lines), "-a", SERVER, "-p", str(RADIUS_PORT), "-s", RADIUS_SECRET,
                      "-t", "5", "-r", str(times), seconds=15)


def eap_seen(result, **more):
    version = re.findall(r"SSL: Using TLS version (\S+)", result.text)
    assert version, result.text
    return finish({"server_name": None, "outcome": "completed", "version": version[-1].replace("TLSv", "TLS "), "starttls": "eap",
                   "server_certificates": 2}, {}, more)
