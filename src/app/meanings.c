#include "app/meanings.h"

#include <string.h>

const struct meaning meanings[] = {
	{ "transport", "tcp", "TLS over TCP." },
	{ "transport", "quic", "TLS 1.3 inside QUIC, over UDP." },
	{ "transport", "dtls", "DTLS: the same handshake over UDP." },

	{ "outcome", "completed",
	  "Both sides' Finished passed (in TLS 1.3 the client's) and nobody refused afterwards: "
	  "the connection could be used." },
	{ "outcome", "failed",
	  "The attempt ended without a usable connection: by a fatal alert, a close, a reset, an "
	  "answer that is not TLS, or silence. "
	  "The columns ended_by, cause, alert and stage say more." },
	{ "outcome", "open", "The handshake was still running when the capture ended." },
	{ "outcome", "partial",
	  "Bytes are missing from the capture, so that it cannot be told how the attempt ended; "
	  "the column reassembly says which kind of gap." },

	{ "stage", "client_hello", "Nothing came further than the client's hello." },
	{ "stage", "server_hello",
	  "The server chose a version and a suite, and nothing further was reached." },
	{ "stage", "certificate",
	  "The server's certificate came, and nothing further was reached." },
	{ "stage", "key_exchange", "The client's key exchange came, but no Finished." },
	{ "stage", "finished", "At least one side's Finished came: the two had agreed on keys." },

	{ "ended_by", "client", "The client sent the fatal alert, or else the first FIN or RST." },
	{ "ended_by", "server", "The server sent the fatal alert, or else the first FIN or RST." },
	{ "ended_by", "network",
	  "The server neither answered nor closed: what was sent to it, or its answer, may have "
	  "been lost on the way." },
	{ "ended_by", "capture", "The capture does not hold the end: bytes are missing." },

	{ "resumption", "none", "A full handshake: no earlier session was taken up again." },
	{ "resumption", "session_id",
	  "An earlier session was taken up by its session id, out of the server's memory (up to "
	  "TLS 1.2)." },
	{ "resumption", "ticket",
	  "An earlier session was taken up by a ticket that the client had kept (RFC 5077, up to "
	  "TLS 1.2)." },
	{ "resumption", "psk",
	  "An earlier session was taken up by a pre-shared key from its ticket (TLS 1.3)." },

	{ "early_data", "none", "The client offered no early data." },
	{ "early_data", "offered",
	  "The client offered to send data with its first flight (0-RTT); what the server did with "
	  "it cannot be proved." },
	{ "early_data", "accepted",
	  "The server took the data that came with the client's first flight: it saved a round "
	  "trip, and such data can be replayed." },
	{ "early_data", "rejected",
	  "The server did not take the early data; the client had to send it again after the "
	  "handshake." },

	{ "ech", "none",
	  "The client sent no encrypted_client_hello extension: the server's name is readable." },
	{ "ech", "grease",
	  "The client sent the extension with random content, so that servers and middleboxes stay "
	  "used to it." },
	{ "ech", "offered",
	  "The client hid its real hello; server_name is the public outer name. Whether the server "
	  "could open it cannot be proved." },
	{ "ech", "accepted", "The server opened the hidden hello and went on with it." },
	{ "ech", "rejected",
	  "The server could not open the hidden hello, so the client has to try again with the "
	  "keys that the server sent." },

	{ "client_auth", "none", "The server asked for no certificate." },
	{ "client_auth", "requested",
	  "The server asked for a certificate; what the client answered was not seen." },
	{ "client_auth", "declined",
	  "The server asked for a certificate and the client sent an empty list." },
	{ "client_auth", "provided", "The client sent a certificate when asked." },
	{ "client_auth", "rejected", "The client sent a certificate and the server refused it." },

	{ "key_exchange", "RSA",
	  "The client encrypted the secret to the server's RSA key: whoever gets that key later "
	  "can read recorded traffic. Gone with TLS 1.3." },
	{ "key_exchange", "DH",
	  "Diffie-Hellman with a fixed key in the certificate: no forward secrecy." },
	{ "key_exchange", "DHE",
	  "Diffie-Hellman over a prime, with fresh keys for each handshake: forward secrecy." },
	{ "key_exchange", "ECDH",
	  "Elliptic-curve Diffie-Hellman with a fixed key in the certificate: no forward "
	  "secrecy." },
	{ "key_exchange", "ECDHE",
	  "Elliptic-curve Diffie-Hellman with fresh keys for each handshake: forward secrecy." },
	{ "key_exchange", "hybrid",
	  "A classical and a post-quantum exchange joined: both must be broken to learn the key." },
	{ "key_exchange", "ML-KEM", "A post-quantum exchange alone (FIPS 203)." },
	{ "key_exchange", "PSK",
	  "A pre-shared key alone: whoever gets it later can read recorded traffic." },
	{ "key_exchange", "DHE_PSK",
	  "A pre-shared key with a fresh Diffie-Hellman exchange: forward secrecy." },
	{ "key_exchange", "ECDHE_PSK",
	  "A pre-shared key with a fresh elliptic-curve exchange: forward secrecy." },
	{ "key_exchange", "RSA_PSK",
	  "A pre-shared key together with a secret encrypted to the server's RSA key: no forward "
	  "secrecy." },
	{ "key_exchange", "anonymous",
	  "Fresh Diffie-Hellman without any certificate: nobody proves who they are, so anyone in "
	  "between can take part." },
	{ "key_exchange", "SRP",
	  "Secure Remote Password (RFC 5054): a password proves both sides." },
	{ "key_exchange", "KRB5", "Keys from a Kerberos ticket (RFC 2712)." },
	{ "key_exchange", "GOST", "The Russian standards' key exchange." },
	{ "key_exchange", "ECCPWD", "TLS-PWD (RFC 8492): a password proves both sides." },
	{ "key_exchange", "NULL", "No key exchange: nothing is protected." },

	{ "ocsp_status", "good", "The certificate's issuer vouches that it is not revoked." },
	{ "ocsp_status", "revoked",
	  "The certificate's issuer has revoked it: clients that look will refuse." },
	{ "ocsp_status", "unknown", "The responder does not know the certificate." },

	{ "alert_from", "client", "The client sent the alert." },
	{ "alert_from", "server", "The server sent the alert." },

	{ "reassembly", "whole", "Every byte of the handshake was there." },
	{ "reassembly", "gap", "Bytes are missing: packets were lost before the capture." },
	{ "reassembly", "overlap",
	  "The same place was sent twice with different bytes; the first to arrive count." },
	{ "reassembly", "truncated",
	  "The capture's snap length cut packets: record with a larger one (tcpdump -s 0)." },
	{ "reassembly", "limit",
	  "One of the program's limits bit; the column limits of captures says which." },
	{ "reassembly", "evicted",
	  "The connection was forgotten for want of room before it was over." },
	{ "reassembly", "midstream", "The connection's beginning was not captured." },
	{ "reassembly", "one_sided", "Only one direction of the connection was captured." },
};
const size_t meaning_count = sizeof meanings / sizeof *meanings;

const char *meaning_of(const char *column, const char *value)
{
	for (size_t i = 0; i < meaning_count; i++)
		if (!strcmp(meanings[i].column, column) && !strcmp(meanings[i].value, value))
			return meanings[i].sentence;
	return NULL;
}
