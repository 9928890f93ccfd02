#include "diagnose/findings.h"

#include <string.h>

#define AGREEMENT "Could not agree"
#define SERVER	  "The server's certificate"
#define CLIENT	  "The client"
#define NETWORK	  "The network"
#define ATTEMPTS  "Connections without a handshake"
#define WEAKNESS  "Weakness of a handshake that worked"
#define PROTOCOL  "Protocol"

const struct finding_kind finding_kinds[FINDING_KIND_COUNT] = {
	[NO_COMMON_VERSION] = {
		"no-common-version", SEVERITY_ERROR, "client and server share no protocol version",
		"Bring the older side up to TLS 1.2 or 1.3: update the client where it offers nothing newer than the "
		"server takes, else let the server's operator enable what the client offers.",
		"RFC 8446 section 4.2.1", AGREEMENT },
	[NO_COMMON_CIPHER] = {
		"no-common-cipher", SEVERITY_ERROR, "client and server share no cipher suite",
		"The server's operator compares the offered suites with the configured ones (and with the type of the "
		"certificate's key) and enables one with ECDHE and AES-GCM or ChaCha20; an outdated client needs an update.",
		"RFC 9325 section 4.2", AGREEMENT },
	[NO_COMMON_GROUP] = {
		"no-common-group", SEVERITY_ERROR, "client and server share no group for the key exchange",
		"Enable x25519 or secp256r1 on the side that lacks both: the offered groups are listed with the handshake.",
		"RFC 8446 section 9.1", AGREEMENT },
	[NO_COMMON_SIGNATURE_SCHEME] = {
		"no-common-signature-scheme", SEVERITY_ERROR, "the server cannot sign as the client wants",
		"Give the server a certificate whose key fits the schemes that the client offers, or let the client accept "
		"rsa_pss_rsae_sha256 and ecdsa_secp256r1_sha256.",
		"RFC 8446 section 4.2.3", AGREEMENT },
	[NO_COMMON_ALPN] = {
		"no-common-alpn", SEVERITY_ERROR, "no application protocol in common",
		"Configure the server for one of the protocols that the client offers in ALPN, or send the client to the "
		"server that speaks its protocol.",
		"RFC 7301 section 3.2", AGREEMENT },
	[INAPPROPRIATE_FALLBACK] = {
		"inappropriate-fallback", SEVERITY_ERROR, "the client fell back to an older version than both know",
		"Find out why the client's first try failed (a middlebox, or packet loss), and stop the client from trying "
		"older versions: the server is right to refuse.",
		"RFC 7507 section 3", AGREEMENT },
	[SERVER_NAME_UNRECOGNIZED] = {
		"server-name-unrecognized", SEVERITY_ERROR, "the server does not serve the name the client asked for",
		"Add the name to the server's configuration with its certificate, or correct the name (or the DNS record) by "
		"which the client comes here.",
		"RFC 6066 section 3", AGREEMENT },
	[UNKNOWN_PSK] = {
		"unknown-psk", SEVERITY_ERROR, "the server does not know the client's pre-shared key identity",
		"Enter the client's identity and its key on the server, or correct the identity in the client.",
		"RFC 4279 section 2", AGREEMENT },
	[PSK_MISMATCH] = {
		"psk-mismatch", SEVERITY_ERROR, "client and server hold different pre-shared keys",
		"Compare the key behind this identity on both sides and enter the same one; servers that hide which "
		"identities they know answer unknown ones in the same way.",
		"RFC 8446 section 4.2.11", AGREEMENT },
	[ECH_REQUIRED] = {
		"ech-required", SEVERITY_ERROR, "the server could not open the encrypted hello",
		"The server's operator publishes the current ECH keys in DNS (HTTPS record) and keeps the previous ones for "
		"as long as the record may be cached.",
		"RFC 9849 section 7.1", AGREEMENT },
	[QUIC_VERSION_MISMATCH] = {
		"quic-version-mismatch", SEVERITY_ERROR, "client and server share no QUIC version",
		"Update the side that speaks only drafts to QUIC version 1.",
		"RFC 9000 section 6", AGREEMENT },

	[CERTIFICATE_EXPIRED] = {
		"certificate-expired", SEVERITY_ERROR, "a certificate of the server's chain had expired",
		"The server's operator renews it and loads the new one: the detail says whether that is the leaf, or an "
		"intermediate or root that has to be replaced in the chain file.",
		"RFC 5280 section 6.1.3", SERVER },
	[CERTIFICATE_NOT_YET_VALID] = {
		"certificate-not-yet-valid", SEVERITY_ERROR, "a certificate of the server's chain was not valid yet",
		"The server's operator puts back the previous certificate until this one begins, and checks the clock of the "
		"machine that issued it.",
		"RFC 5280 section 6.1.3", SERVER },
	[HOSTNAME_MISMATCH] = {
		"hostname-mismatch", SEVERITY_ERROR, "the certificate is for other names than the one asked for",
		"The server's operator gets a certificate with this name among its subject alternative names, or configures "
		"the server to choose the right one by SNI.",
		"RFC 9525 section 6", SERVER },
	[ISSUER_UNTRUSTED] = {
		"issuer-untrusted", SEVERITY_ERROR, "the chain leads to no root that is trusted",
		"Install the private root on the clients that shall trust it (and name it to overhear by --ca-file), or let "
		"the server's operator use a certificate of a public CA.",
		"RFC 5280 section 6.1.1", SERVER },
	[SELF_SIGNED] = {
		"self-signed", SEVERITY_ERROR, "the certificate is its own issuer",
		"The server's operator replaces it by one from a CA that the clients trust; for a device of your own, import "
		"this very certificate into its clients.",
		"RFC 5280 section 6.1", SERVER },
	[CHAIN_INCOMPLETE] = {
		"chain-incomplete", SEVERITY_ERROR, "the server does not send its intermediate certificate",
		"The server's operator appends the intermediate to the certificate file (the 'full chain' that the CA gives): "
		"clients that have not cached it cannot verify the leaf.",
		"RFC 8446 section 4.4.2", SERVER },
	[CHAIN_MISORDERED] = {
		"chain-misordered", SEVERITY_WARNING, "the chain's certificates are not in order",
		"The server's operator sorts the certificate file: leaf first, then each certificate's issuer.",
		"RFC 5246 section 7.4.2", SERVER },
	[CHAIN_HAS_ROOT] = {
		"chain-has-root", SEVERITY_NOTICE, "the root is sent along",
		"The server's operator may drop the root from the certificate file: clients must have it already, and it only "
		"costs bytes in each handshake.",
		"RFC 8446 section 4.4.2", SERVER },
	[CERTIFICATE_REVOKED] = {
		"certificate-revoked", SEVERITY_ERROR, "the stapled OCSP response says that the certificate is revoked",
		"The server's operator replaces the certificate and its key at once, and finds out why the CA revoked it.",
		"RFC 6960 section 2.2", SERVER },
	[CERTIFICATE_REJECTED] = {
		"certificate-rejected", SEVERITY_ERROR, "the client refused the server's certificate",
		"Look into the client's log for its reason: nothing was found in the certificate itself, so the client may "
		"pin another one, expect another name, or lack the root.",
		"RFC 8446 section 6.2", SERVER },
	[WEAK_KEY] = {
		"weak-key", SEVERITY_WARNING, "a certificate's key is too short",
		"The server's operator makes a new key (EC P-256 or RSA of at least 2048 bits) and has it certified; for an "
		"intermediate the CA must.",
		"CA/Browser Forum Baseline Requirements 6.1.5", SERVER },
	[WEAK_SIGNATURE] = {
		"weak-signature", SEVERITY_WARNING, "a certificate is signed over a broken hash",
		"The server's operator has the certificate issued anew, signed over SHA-256 or better.",
		"CA/Browser Forum Baseline Requirements 7.1.3.2", SERVER },
	[VALIDITY_TOO_LONG] = {
		"validity-too-long", SEVERITY_WARNING, "the certificate is valid for longer than a public CA may allow",
		"The server's operator has it issued anew with a validity that browsers accept, and automates the renewal.",
		"CA/Browser Forum Baseline Requirements 6.3.2", SERVER },
	[EXPIRES_SOON] = {
		"expires-soon", SEVERITY_WARNING, "a certificate of the chain expires soon",
		"The server's operator renews it now; for an intermediate or root, have the leaf issued anew under its "
		"successor and change the chain file.",
		"CA/Browser Forum Baseline Requirements 6.3.2", SERVER },

	[CLIENT_CERTIFICATE_MISSING] = {
		"client-certificate-missing", SEVERITY_ERROR, "the server demands a client certificate and got none",
		"Give the client a certificate of one of the CAs that the server asks for (the handshake lists them), and "
		"configure the client to send it.",
		"RFC 8446 section 6.2", CLIENT },
	[CLIENT_CERTIFICATE_REJECTED] = {
		"client-certificate-rejected", SEVERITY_ERROR, "the server refused the client's certificate",
		"Renew the client's certificate where the detail names a flaw; otherwise the server's operator checks that its "
		"issuer is among the CAs configured for clients.",
		"RFC 8446 section 6.2", CLIENT },
	[CLIENT_CLOCK_WRONG] = {
		"client-clock-wrong", SEVERITY_ERROR, "the client refused as expired what was valid",
		"Set the client's clock: give it NTP, and look at its battery where it forgets the time when switched off.",
		"RFC 5280 section 6.1.3", CLIENT },
	[CLIENT_OUTDATED] = {
		"client-outdated", SEVERITY_WARNING, "the client offers no version that is still safe",
		"Update or replace the client: it knows nothing newer than TLS 1.1.",
		"RFC 8996", CLIENT },

	[SERVER_SILENT] = {
		"server-silent", SEVERITY_ERROR, "the server never answered the hello",
		"Look at the server's load and log at that time, and for a firewall that lets the connection through but not "
		"its content.",
		"", NETWORK },
	[SERVER_RESET] = {
		"server-reset", SEVERITY_ERROR, "the connection was reset from the server's side",
		"Look into the server's log; if it knows nothing of the connection, a firewall or proxy in between reset it.",
		"RFC 9293 section 3.10.7", NETWORK },
	[CLIENT_RESET] = {
		"client-reset", SEVERITY_ERROR, "the connection was reset from the client's side",
		"Look into the client's log for a time-out or a cancelled request; a firewall in between may also have reset "
		"it.",
		"RFC 9293 section 3.10.7", NETWORK },
	[SERVER_CLOSED] = {
		"server-closed", SEVERITY_ERROR, "the server closed the connection without a word",
		"Look into the server's log: access lists, limits of connections or a crashed worker close so.",
		"RFC 8446 section 6.1", NETWORK },
	[CLIENT_CLOSED] = {
		"client-closed", SEVERITY_ERROR, "the client closed the connection without a word",
		"Look into the client's log: it gave up, or did not like what it saw and did not say so.",
		"RFC 8446 section 6.1", NETWORK },
	[NOT_TLS_SERVER] = {
		"not-tls-server", SEVERITY_ERROR, "what answers on this port does not speak TLS",
		"Correct the port or the scheme in the client, or let the server's operator switch TLS on for this port.",
		"RFC 8446 section 5.1", NETWORK },
	[LARGE_HELLO_DROPPED] = {
		"large-hello-dropped", SEVERITY_ERROR, "a large ClientHello does not get through",
		"Find the device on the way that drops large packets or hellos of several segments (post-quantum key shares "
		"make them) and repair its MTU, its ICMP filter or its software.",
		"RFC 8446 section 4.1.2", NETWORK },
	[INTERCEPTION_SUSPECTED] = {
		"interception-suspected", SEVERITY_WARNING, "somebody in between may answer for the server",
		"Ask who runs the proxy that issues this certificate: where nobody is meant to intercept, treat the path as "
		"hostile and compare the certificate from elsewhere.",
		"RFC 5280 section 6.1.1", NETWORK },

	[TRIED_PLAIN_HTTP] = {
		"plain-http", SEVERITY_ERROR, "the client speaks plain HTTP to a TLS port",
		"Write https:// in the client's address, or send the client to the port for plain HTTP.",
		"RFC 9110 section 4.2.2", ATTEMPTS },
	[TRIED_STARTTLS_REFUSED] = {
		"starttls-refused", SEVERITY_ERROR, "the server refused to start TLS",
		"The server's operator enables STARTTLS and gives it a certificate.",
		"RFC 3207 section 4", ATTEMPTS },
	[TRIED_STARTTLS_STRIPPED] = {
		"starttls-stripped", SEVERITY_ERROR, "the offer of STARTTLS was removed on the way",
		"Find the device that rewrites the offer (some firewalls do for inspection) and let clients insist on TLS.",
		"RFC 3207 section 6", ATTEMPTS },
	[TRIED_REFUSED] = {
		"refused", SEVERITY_ERROR, "nothing listens on the port",
		"Start the service, or correct the port in the client.",
		"RFC 9293 section 3.10.7", ATTEMPTS },
	[TRIED_UNANSWERED] = {
		"unanswered", SEVERITY_ERROR, "the connection was never answered",
		"Check that the server is up, and for a firewall that drops silently.",
		"RFC 9293 section 3.8.3", ATTEMPTS },
	[TRIED_RESET] = {
		"reset", SEVERITY_WARNING, "the connection was reset before any hello",
		"Look for access lists on the server or a firewall in between; port scans end so too.",
		"RFC 9293 section 3.10.7", ATTEMPTS },
	[TRIED_CLOSED] = {
		"closed", SEVERITY_NOTICE, "the connection was closed before any hello",
		"Nothing to do where this is a health check; otherwise look into the log of the side that closed.",
		"RFC 9293 section 3.6", ATTEMPTS },

	[DEPRECATED_VERSION] = {
		"deprecated-version", SEVERITY_WARNING, "a protocol version is used that must not be",
		"Update the side that knows nothing newer; then the server's operator switches off all below TLS 1.2.",
		"RFC 8996", WEAKNESS },
	[WEAK_CIPHER] = {
		"weak-cipher", SEVERITY_WARNING, "the chosen cipher suite is weak",
		"The server's operator removes the suite and prefers ECDHE with AES-GCM or ChaCha20.",
		"RFC 9325 section 4.1", WEAKNESS },
	[NO_FORWARD_SECRECY] = {
		"no-forward-secrecy", SEVERITY_WARNING, "recorded traffic can be read once the server's key is known",
		"The server's operator prefers ECDHE suites; clients that offer none need an update.",
		"RFC 9325 section 4.1", WEAKNESS },
	[WEAK_GROUP] = {
		"weak-group", SEVERITY_WARNING, "the key exchange uses a group that is too small",
		"The server's operator uses x25519 or secp256r1, and a prime of at least 2048 bits for DHE.",
		"RFC 9325 section 4.2.1", WEAKNESS },
	[EXPORT_CIPHER] = {
		"export-cipher", SEVERITY_ERROR, "a suite of the old export rules is used",
		"The server's operator removes all EXPORT suites at once: their keys are broken in minutes (FREAK, Logjam).",
		"RFC 9325 section 4.1", WEAKNESS },
	[NULL_CIPHER] = {
		"null-cipher", SEVERITY_ERROR, "nothing is encrypted",
		"The server's operator removes the NULL suites: whoever is on the way reads everything.",
		"RFC 9325 section 4.1", WEAKNESS },
	[COMPRESSION] = {
		"compression", SEVERITY_WARNING, "TLS compression is used",
		"The server's operator switches TLS compression off: it lets secrets be guessed from lengths (CRIME).",
		"RFC 9325 section 3.3", WEAKNESS },
	[INSECURE_RENEGOTIATION] = {
		"insecure-renegotiation", SEVERITY_WARNING, "the server does not know secure renegotiation",
		"The server's operator updates the TLS library, or switches renegotiation off.",
		"RFC 5746 section 3", WEAKNESS },
	[DOWNGRADE_SENTINEL] = {
		"downgrade-sentinel", SEVERITY_WARNING, "both sides know a newer version than was agreed on",
		"Look for a middlebox that changes hellos: the server says in its random that it was offered less than the "
		"client's hello holds.",
		"RFC 8446 section 4.1.3", WEAKNESS },
	[HEARTBLEED_PROBE] = {
		"heartbleed-probe", SEVERITY_ERROR, "a heartbeat asks for more than it carries",
		"Find out who sent it: it is an attack, or a scan, for Heartbleed. Where an answer of the server follows, "
		"update it and replace its keys.",
		"RFC 6520 section 4", WEAKNESS },
	[SNI_MISSING] = {
		"sni-missing", SEVERITY_NOTICE, "the client does not say which name it wants",
		"Let the client send the server's name (SNI): servers with several names cannot choose the certificate "
		"otherwise.",
		"RFC 9325 section 3.7", WEAKNESS },
	[NO_POST_QUANTUM] = {
		"no-post-quantum", SEVERITY_NOTICE, "the key exchange can be broken by a future quantum computer",
		"Enable X25519MLKEM768 on the side that the detail names; TLS 1.3 is needed for it.",
		"RFC 9847", WEAKNESS },

	[DECODE_ERROR] = {
		"decode-error", SEVERITY_ERROR, "one side could not read the other's message",
		"Report it to the maker of the side that sent the message before the alert, with this capture; a middlebox "
		"that changes bytes is the other candidate.",
		"RFC 8446 section 6.2", PROTOCOL },
	[UNEXPECTED_MESSAGE] = {
		"unexpected-message", SEVERITY_ERROR, "one side got a message that has no place there",
		"Report it to the maker of the side that sent the message before the alert, with this capture.",
		"RFC 8446 section 6.2", PROTOCOL },
	[ALERT_OTHER] = {
		"alert-other", SEVERITY_ERROR, "one side ended it with an alert that does not say enough",
		"Look into the log of the side that sent the alert.",
		"RFC 8446 section 6.2", PROTOCOL },
};

const char *severity_name(uint8_t severity)
{
	static const char *const names[] = { NULL, "error", "warning", "notice" };

	return names[severity];
}

void findings_add_document(struct buffer *out)
{
	const char *scope = "";

	buffer_add_text(out,
		"# Findings\n\n"
		"What overhear can find in a handshake, by code. The view `findings` holds them with their evidence; "
		"`handshakes.cause`\nis the code of the one that explains a failure, and `overhear explain CODE` says the "
		"same as this page.\n\n"
		"`certain` findings follow from what was seen; `likely` ones are the best explanation of it. Certificates "
		"are judged at\nthe time of the capture, against the system's roots or those of `--ca-file` and `--ca-path`, "
		"and as the chain was sent.\n`expires-soon` means: of a leaf, fewer than 14 days or a quarter of its "
		"validity, whichever is less; of an intermediate,\nfewer than 60 days; of a root, fewer than 90. "
		"Made from src/diagnose/findings.c by `ninja findings.md`.\n\n"
		"Each has a capture that makes it and one that comes close and does not: [pcaps/](../pcaps/README.md#findings).\n");
	for (size_t i = 0; i < FINDING_KIND_COUNT; i++) {
		const struct finding_kind *k = &finding_kinds[i];

		if (strcmp(scope, k->scope)) {
			scope = k->scope;
			buffer_add_format(out, "\n## %s\n\n| code | severity | what it means | who must do what | rule |\n"
					       "|---|---|---|---|---|\n", scope);
		}
		buffer_add_format(out, "| `%s` | %s | %s | %s | %s |\n", k->code, severity_name(k->severity), k->title,
				  k->remedy, k->reference);
	}
}
