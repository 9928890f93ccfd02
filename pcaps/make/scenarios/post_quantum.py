"""Post-quantum key exchange (Node with OpenSSL 3.5)."""

from node import node_client, node_seen, node_server
from openssl import s_client, s_server, seen
from registry import scenario


@scenario("X25519MLKEM768: both sides OpenSSL 3.5; the ClientHello fills two segments")
def pq_x25519mlkem768(lab):
    node_server(lab, ecdhCurve="X25519MLKEM768")
    lab.record()
    said = node_client(lab, ecdhCurve="X25519MLKEM768:X25519")
    return [node_seen(said[0], named_group="X25519MLKEM768", key_exchange="hybrid", post_quantum=1,
                      forward_secrecy=1, no_findings=["no-post-quantum"])]


@scenario("pure ML-KEM-768, not hybrid")
def pq_mlkem768(lab):
    node_server(lab, ecdhCurve="MLKEM768")
    lab.record()
    said = node_client(lab, ecdhCurve="MLKEM768")
    return [node_seen(said[0], named_group="MLKEM768", key_exchange="ML-KEM", post_quantum=1, forward_secrecy=1)]


@scenario("SecP256r1MLKEM768")
def pq_secp256r1mlkem768(lab):
    node_server(lab, ecdhCurve="SecP256r1MLKEM768")
    lab.record()
    said = node_client(lab, ecdhCurve="SecP256r1MLKEM768:P-256")
    return [node_seen(said[0], named_group="SecP256r1MLKEM768", key_exchange="hybrid", post_quantum=1)]


@scenario("SecP384r1MLKEM1024")
def pq_secp384r1mlkem1024(lab):
    node_server(lab, ecdhCurve="SecP384r1MLKEM1024")
    lab.record()
    said = node_client(lab, ecdhCurve="SecP384r1MLKEM1024")
    return [node_seen(said[0], named_group="SecP384r1MLKEM1024", key_exchange="hybrid", post_quantum=1)]


@scenario("the client offers X25519MLKEM768, the server (OpenSSL 3.0) does not know it and takes x25519")
def pq_server_declines(lab):
    lab.pki.leaf("ec")
    s_server(lab, cert="ec")
    lab.record()
    said = node_client(lab)
    return [node_seen(said[0], named_group="x25519", key_exchange="ECDHE", post_quantum=0)]


@scenario("the client (OpenSSL 3.0) does not offer ML-KEM, the server could")
def pq_client_does_not_offer(lab):
    node_server(lab)
    lab.record()
    return [seen(s_client(lab), key_exchange="ECDHE", post_quantum=0, findings=["no-post-quantum"])]


@scenario("HelloRetryRequest for X25519MLKEM768: the client offers it with a share of x25519 only")
def pq_hello_retry(lab):
    node_server(lab, ecdhCurve="X25519MLKEM768")
    lab.record()
    said = node_client(lab, ecdhCurve="*X25519:X25519MLKEM768")
    return [node_seen(said[0], named_group="X25519MLKEM768", hello_retry=1, key_exchange="hybrid", post_quantum=1)]
