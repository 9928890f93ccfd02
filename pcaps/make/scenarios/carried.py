"""TLS inside OpenVPN, EAP and CAPWAP."""

import os
import subprocess
import sys

from datagrams import ask_radius, dtls_server, eap_seen, hostapd, openvpn, openvpn_seen, over_dtls, supplicant
from lab import SERVER
from openssl import s_client, seen
from registry import scenario


@scenario("OpenVPN over UDP: the control channel in the clear, a client certificate on both sides")
def openvpn_udp(lab):
    _, client = openvpn(lab)
    return [openvpn_seen(client)]


@scenario("OpenVPN over UDP with tls-auth: an HMAC before each packet; TLS 1.2")
def openvpn_tls_auth(lab):
    _, client = openvpn(lab, "--tls-version-max", "1.2", key=True)
    return [openvpn_seen(client, client_auth="provided", server_certificates=2, client_certificates=2)]


@scenario("OpenVPN over TCP: TLS 1.2, and soft resets every two seconds, which OpenVPN 2.6 encrypts (tls-crypt)")
def openvpn_tcp(lab):
    _, client = openvpn(lab, "--tls-version-max", "1.2", "--reneg-sec", "2", protocol="tcp")
    assert client.text.count("Control Channel: TLS") > 1, client.text
    return [openvpn_seen(client, client_auth="provided", server_certificates=2, client_certificates=2)]


@scenario("EAP-TLS in RADIUS: both chains in pieces, hostapd and eapol_test")
def eap_tls_radius(lab):
    hostapd(lab)
    lab.record(filter="udp")
    result = ask_radius(lab, "TLS", 'phase1="tls_disable_tlsv1_3=1"', "fragment_size=400")
    return [eap_seen(result, client_auth="provided", client_certificates=2)]


@scenario("PEAP in RADIUS, and again by the same user, resumed")
def eap_peap_radius(lab):
    hostapd(lab, "tls_session_lifetime=3600")
    lab.record(filter="udp")
    result = ask_radius(lab, "PEAP", 'phase1="tls_disable_tlsv1_3=1"', times=1)
    row = eap_seen(result, client_auth="none", resumption="none")
    again = {k: v for k, v in row.items() if k not in ("client_auth", "server_certificates", "resumption")}
    return [row, again]


@scenario("TTLS in EAPOL on a wire, which has no addresses: hostapd and wpa_supplicant")
def eap_ttls_wire(lab):
    hostapd(lab, driver="wired")
    lab.record(filter="ether proto 0x888e")
    result = lab.client("timeout", "6", "wpa_supplicant", "-d", "-D", "wired", "-i", "eth0", "-c",
                        supplicant(lab, "TTLS", "wired", 'phase1="tls_disable_tlsv1_3=1"'), seconds=9)
    return [eap_seen(result, client_ip=None, server_port=None)]


@scenario("DTLS 1.2 as CAPWAP's control channel has it: OpenSSL both sides, the four bytes before each datagram by hand")
def capwap(lab):
    script = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "capwap.py")
    lab.pki.leaf("rsa")
    dtls_server(lab, port=444)
    lab.server(sys.executable, script, "unwrap", "5246", "127.0.0.1", "444", wait=False)
    lab.wait_for(lambda: ":5246 " in lab.udp_sockets(), "no relay at the server")
    wrapper = subprocess.Popen(lab.inside("client") + [sys.executable, script, "wrap", "5246", SERVER, "5246"])
    try:
        lab.wait_for(lambda: ":5246 " in subprocess.run(lab.inside("client") + ["ss", "-Hlun"], stdout=subprocess.PIPE, text=True).stdout,
                     "no relay at the client")
        lab.record(filter="udp")
        result = s_client(lab, "-dtls1_2", address="127.0.0.1", port=5246)
    finally:
        wrapper.terminate()
        wrapper.wait()
    return [over_dtls(seen(result, server_port=5246, starttls="capwap"), 1)]
