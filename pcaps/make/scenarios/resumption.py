"""Resumption and early data."""

from node import node_client, node_seen, node_server
from openssl import s_client, s_server, seen
from registry import scenario


def first_and_second(lab, *options, **settings):
    """The second connection offers what the first one was given."""
    saved = lab.work + "/session"
    first = s_client(lab, *options, "-sess_out", saved, **settings)
    return first, s_client(lab, *options, "-sess_in", saved, **settings)


@scenario("TLS 1.3: a full handshake, then one resumed by PSK")
def resume_tls13(lab):
    lab.pki.leaf("rsa")
    s_server(lab)
    lab.record()
    first, second = first_and_second(lab)
    return [seen(first), seen(second, resumption="psk")]


@scenario("TLS 1.3: the ticket is of a server that was restarted since: a full handshake after an offered PSK")
def resume_tls13_refused(lab):
    lab.pki.leaf("rsa")
    server = s_server(lab)
    lab.record()
    saved = lab.work + "/session"
    first = s_client(lab, "-sess_out", saved)
    server.stop()
    s_server(lab)
    return [seen(first), seen(s_client(lab, "-sess_in", saved), resumption="none")]


@scenario("TLS 1.2: a full handshake that gives a ticket, then one resumed by it")
def resume_tls12_ticket(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-tls1_2")
    lab.record()
    first, second = first_and_second(lab, "-tls1_2")
    return [seen(first), seen(second, resumption="ticket", server_certificates=0, resumed_from=1)]


@scenario("TLS 1.2: a full handshake, then one resumed by session id, tickets being off")
def resume_tls12_session_id(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-tls1_2", "-no_ticket")
    lab.record()
    first, second = first_and_second(lab, "-tls1_2", "-no_ticket")
    return [seen(first), seen(second, resumption="session_id", server_certificates=0, resumed_from=1)]


@scenario("TLS 1.3 early data accepted (GET in the first flight), after the full handshake that gave the ticket")
def early_data_accepted(lab):
    lab.pki.leaf("ec")
    s_server(lab, "-early_data", cert="ec", rev=False)
    lab.record()
    saved = lab.work + "/session"
    first = s_client(lab, "-sess_out", saved)
    second = s_client(lab, "-sess_in", saved, "-early_data", lab.file("early", "GET / HTTP/1.0\n\n"))
    assert second.has("Early data was accepted"), second.text
    return [seen(first), seen(second, hidden={"early_data": "accepted"})]


@scenario("TLS 1.3 early data rejected: the same ticket offered twice, the second time a full handshake answers it")
def early_data_rejected(lab):
    lab.pki.leaf("ec")
    s_server(lab, "-early_data", cert="ec", rev=False)
    lab.record()
    saved, early = lab.work + "/session", lab.file("early", "GET / HTTP/1.0\n\n")
    first = s_client(lab, "-sess_out", saved)
    second = s_client(lab, "-sess_in", saved, "-early_data", early)
    third = s_client(lab, "-sess_in", saved, "-early_data", early)
    assert third.has("Early data was rejected"), third.text
    return [seen(first), seen(second, hidden={"early_data": "accepted"}), seen(third, early_data="rejected")]


@scenario("TLS 1.3 early data rejected by a HelloRetryRequest, the PSK still taken")
def early_data_hello_retry(lab):
    lab.pki.leaf("ec")
    s_server(lab, "-early_data", "-groups", "P-384", cert="ec", rev=False)
    lab.record()
    saved = lab.work + "/session"
    first = s_client(lab, "-groups", "P-384", "-sess_out", saved)
    second = s_client(lab, "-groups", "X25519:P-384", "-sess_in", saved,
                      "-early_data", lab.file("early", "GET / HTTP/1.0\n\n"))
    assert second.has("Early data was rejected"), second.text
    return [seen(first), seen(second, hello_retry=1, early_data="rejected")]


@scenario("TLS 1.3: OpenSSL 3.5 resumes with X25519MLKEM768")
def resume_post_quantum(lab):
    node_server(lab)
    lab.record()
    said = node_client(lab, rounds=2)
    return [node_seen(it, named_group="X25519MLKEM768", post_quantum=1) for it in said]
