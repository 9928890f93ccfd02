"""Makes a small database with the views of docs and contract, filled by hand, so that the commands can be tried apart from recording."""
import json
import sqlite3
import sys

APPLICATION_ID = 0x6F766872

HANDSHAKE_COLUMNS = """id capture_id connection_id time time_ns first_packet last_packet packets transport client_ip client_port server_ip
server_port client_mac server_mac vlan encapsulation community_id starttls application category risks server_name inner_server_name dns_name
outcome stage ended_by cause inferred version version_code version_offered cipher cipher_code named_group named_group_code signature_scheme
alpn key_exchange dh_bits forward_secrecy post_quantum client_random server_random session_id hello_retry resumption resumed_from early_data
ech client_auth extended_master_secret encrypt_then_mac secure_renegotiation compression alert alert_code alert_level alert_from
server_certificates client_certificates certificates_visible leaf_sha256 certificate_compression ocsp_status sct_count ticket_lifetime_s ja3
ja3s ja4 quic_version quic_retry dtls_cookie reassembly dns_ms tcp_ms client_rtt_ms server_rtt_ms server_hello_ms server_think_ms tls_ms
first_byte_ms total_ms round_trips retransmissions client_bytes server_bytes""".split()

OTHERS = {
    "captures": "id source kind link_type filter sensor started ended packets bytes kernel_drops interface_drops truncated_packets "
    "malformed_packets reassembly_gaps flows evicted_flows handshakes limits version",
    "messages": "handshake_id seq sender message bytes time_ms decrypted",
    "alerts": "handshake_id seq sender level level_code description code time_ms",
    "offers": "handshake_id sender hello kind position code name",
    "chains": "handshake_id sender position sha256",
    "certificates": "sha256 subject issuer serial not_before not_after key_type key_bits curve signature_algorithm san is_ca self_signed "
    "spki_sha256 policy sct_count first_seen last_seen handshakes der",
    "findings": "handshake_id sha256 code severity confidence title detail remedy",
    "attempts": "capture_id client_ip server_ip server_port reason starttls attempts first_seen last_seen",
}

START_NS = 1700000000_000000000
HOSTILE = "evil\\x1b[31m.example"

BASE = {
    "capture_id": 1, "transport": "tcp", "client_ip": "192.0.2.10", "server_ip": "198.51.100.7", "server_port": 443, "reassembly": "whole",
    "risks": None, "inferred": None, "resumption": "none", "early_data": "none", "ech": "none", "retransmissions": 0, "packets": 9,
}

COMPLETED = {
    "id": 1, "connection_id": 1, "time_ns": START_NS + 123456789, "client_port": 51234, "server_name": "www.example.com", "outcome": "completed",
    "stage": "finished", "version": "TLS 1.3", "version_code": 0x0304, "version_offered": "TLS 1.3", "cipher": "TLS_AES_128_GCM_SHA256",
    "cipher_code": 0x1301, "named_group": "X25519MLKEM768", "named_group_code": 0x11EC, "signature_scheme": "ecdsa_secp256r1_sha256",
    "alpn": "h2", "key_exchange": "hybrid", "forward_secrecy": 1, "post_quantum": 1, "hello_retry": 0, "server_certificates": 2,
    "certificates_visible": 1, "first_packet": 1, "last_packet": 9, "dns_ms": 4.2, "tcp_ms": 10.25, "client_rtt_ms": 0.25, "server_rtt_ms": 10.0,
    "server_hello_ms": 11.5, "server_think_ms": 1.5, "tls_ms": 14.125, "first_byte_ms": 22.0, "total_ms": 24.5, "round_trips": 1,
    "client_bytes": 1790, "server_bytes": 4150, "inferred": '["tls_ms","total_ms"]', "ja3": "0123456789abcdef0123456789abcdef",
    "ja4": "t13d1516h2_8daaf6152771_e5627efa2ab1", "risks": '["Known Proto on Non Std Port"]', "application": "TLS",
    "community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
}
FAILED = {
    "id": 2, "connection_id": 2, "time_ns": START_NS + 2_000000000, "client_port": 51236, "server_name": "old.example.com", "outcome": "failed",
    "stage": "client_hello", "ended_by": "server", "cause": "no-common-version", "version_offered": "TLS 1.0", "alert": "handshake_failure", "alert_code": 40,
    "alert_level": "fatal", "alert_from": "server", "first_packet": 10, "last_packet": 14, "round_trips": 1, "client_bytes": 210, "server_bytes": 7,
    "tcp_ms": 0.5, "resumption": None,
}
PARTIAL = {
    "id": 3, "connection_id": 3, "time_ns": START_NS + 3_000000000, "client_ip": "2001:db8::1", "server_ip": "2001:db8:ffff:ffff:ffff:ffff:ffff:2",
    "client_port": 51238, "server_name": HOSTILE, "outcome": "partial", "stage": "server_hello", "ended_by": "capture", "version": "TLS 1.2",
    "version_code": 0x0303, "cipher": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "cipher_code": 0xC030, "reassembly": "gap,truncated",
    "retransmissions": 2, "round_trips": 1, "first_packet": 15, "last_packet": 30,
}
LADDER = {
    1: [
        ("client", "client_hello", 1700, 10.4), ("server", "server_hello", 1210, 21.9), ("server", "change_cipher_spec", 1, 21.9),
        ("server", "encrypted", 2800, 22.4), ("client", "change_cipher_spec", 1, 24.5), ("client", "encrypted", 53, 24.5),
    ],
    2: [("client", "client_hello", 205, 0.6), ("server", "alert", 2, 1.75)],
    3: [("client", "client_hello", 517, 0.0), ("server", "server_hello", 93, 30.25)],
}
OFFERS = {
    ("client", "version"): [(0x0304, "TLS 1.3"), (0x0303, "TLS 1.2")],
    ("client", "cipher"): [
        (0x5A5A, "GREASE"), (0x1301, "TLS_AES_128_GCM_SHA256"), (0x1302, "TLS_AES_256_GCM_SHA384"), (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
        (0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"), (0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        (0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"), (0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        (0x009C, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    ],
    ("client", "group"): [(0x11EC, "X25519MLKEM768"), (0x001D, "x25519"), (0x0017, "secp256r1")],
    ("client", "key_share"): [(0x11EC, "X25519MLKEM768"), (0x001D, "x25519")],
    ("client", "signature_scheme"): [(0x0403, "ecdsa_secp256r1_sha256"), (0x0804, "rsa_pss_rsae_sha256"), (0x0401, "rsa_pkcs1_sha256")],
    ("client", "alpn"): [(None, "h2"), (None, "http/1.1")],
    ("client", "extension"): [(0, "server_name"), (10, "supported_groups"), (43, "supported_versions"), (51, "key_share")],
    ("server", "extension"): [(43, "supported_versions"), (51, "key_share")],
}
LEAF, ROOT = "aa" * 32, "bb" * 32
CERTIFICATES = [
    {"sha256": LEAF, "subject": "CN=www.example.com", "issuer": "CN=Example CA,O=Example Trust,C=DE", "serial": "0f", "not_before": "2023-11-01T00:00:00Z",
     "not_after": "2023-12-01T00:00:00Z", "key_type": "EC", "key_bits": 256, "curve": "prime256v1", "signature_algorithm": "sha256WithRSAEncryption",
     "san": '["dns:www.example.com","dns:example.com","ip:198.51.100.7"]', "is_ca": 0, "self_signed": 0, "sct_count": 2, "handshakes": 1, "der": b"\x30\x00"},
    {"sha256": ROOT, "subject": "CN=Example CA,O=Example Trust,C=DE", "issuer": "CN=Example CA,O=Example Trust,C=DE", "serial": "01",
     "not_before": "2013-01-01T00:00:00Z", "not_after": "2023-01-01T00:00:00Z", "key_type": "RSA", "key_bits": 2048,
     "signature_algorithm": "sha256WithRSAEncryption", "is_ca": 1, "self_signed": 1, "handshakes": 1, "der": b"\x30\x01\x00"},
]
FINDING = {
    "handshake_id": 2, "code": "no-common-version", "severity": "error", "confidence": "likely", "title": "client and server share no version",
    "detail": "the client offers TLS 1.0 at most", "remedy": "update the client",
}
WEAKNESS = {"handshake_id": 1, "code": "no-post-quantum", "severity": "notice", "confidence": "certain"}
ATTEMPT = {
    "capture_id": 1, "client_ip": "192.0.2.10", "server_ip": "2001:db8::7", "server_port": 8443, "reason": "refused", "attempts": 3,
    "first_seen": "2023-11-14T22:13:20.000000000Z", "last_seen": "2023-11-14T22:13:21.000000000Z",
}


def insert(db, view, row):
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {view}({names}) VALUES({marks})", list(row.values()))


def iso(ns):
    return sqlite3.connect(":memory:").execute("SELECT strftime('%Y-%m-%dT%H:%M:%S', ?, 'unixepoch')", [ns // 10**9]).fetchone()[0] + f".{ns % 10**9:09d}Z"


def fill(db):
    insert(db, "captures", {"id": 1, "source": "sample.pcapng", "kind": "file", "packets": 30, "limits": json.dumps({"messages": 0})})
    for h in (COMPLETED, FAILED, PARTIAL):
        insert(db, "handshakes", BASE | h | {"time": iso(h["time_ns"])})
    for handshake, messages in LADDER.items():
        for seq, (sender, message, size, ms) in enumerate(messages, 1):
            insert(db, "messages", {"handshake_id": handshake, "seq": seq, "sender": sender, "message": message, "bytes": size, "time_ms": ms, "decrypted": 0})
    insert(db, "alerts", {"handshake_id": 2, "seq": 1, "sender": "server", "level": "fatal", "level_code": 2, "description": "handshake_failure", "code": 40, "time_ms": 1.75})
    for (sender, kind), items in OFFERS.items():
        for position, (code, name) in enumerate(items):
            insert(db, "offers", {"handshake_id": 1, "sender": sender, "hello": 1, "kind": kind, "position": position, "code": code, "name": name})
    for position, certificate in enumerate(CERTIFICATES):
        insert(db, "chains", {"handshake_id": 1, "sender": "server", "position": position, "sha256": certificate["sha256"]})
        insert(db, "certificates", certificate)
    insert(db, "findings", FINDING)
    insert(db, "findings", WEAKNESS)
    insert(db, "attempts", ATTEMPT)


def create(path, application_id=APPLICATION_ID, version=1, wal=False):
    db = sqlite3.connect(path)
    if wal:
        db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"CREATE TABLE handshakes({', '.join(HANDSHAKE_COLUMNS)})")
    for view, columns in OTHERS.items():
        db.execute(f"CREATE TABLE {view}({', '.join(columns.split())})")
    fill(db)
    db.execute(f"PRAGMA application_id = {application_id}")
    db.execute(f"PRAGMA user_version = {version}")
    db.commit()
    return db


if __name__ == "__main__":
    create(sys.argv[1]).close()
