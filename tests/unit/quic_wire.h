/* quic_wire.h: QUIC packets for tests, sealed as an endpoint would. */
#ifndef TESTS_QUIC_WIRE_H
#define TESTS_QUIC_WIRE_H

#include "dissectors/quic_crypt.h"
#include "overhear/chunk.h"
#include "tests/unit/wire.h"

#include <openssl/evp.h>

static inline struct buffer wire_hex(const char *hex)
{
	struct buffer b = { 0 };

	for (; hex[0] && hex[1]; hex += 2) {
		char two[3] = { hex[0], hex[1], 0 };
		uint8_t byte = (uint8_t)strtoul(two, NULL, 16);

		buffer_add(&b, &byte, 1);
	}
	return b;
}

/* RFC 9000 section 16, two bytes. */
static inline void wire_varint(struct buffer *b, uint64_t value)
{
	wire_int(b, 0x4000 | value, 2);
}

static inline void wire_crypto_frame(struct buffer *b, uint64_t offset, struct bytes data)
{
	wire_int(b, 6, 1);
	wire_varint(b, offset);
	wire_varint(b, data.len);
	buffer_add(b, data.at, data.len);
}

static inline void wire_close_frame(struct buffer *b, uint64_t code)
{
	wire_int(b, 0x1c, 1);
	wire_varint(b, code);
	wire_int(b, 0, 1);
	wire_int(b, 0, 1);
}

struct wire_packet {
	uint32_t version;
	enum quic_type type;
	struct bytes dcid, scid, token, frames;
	uint32_t number;
	size_t pad_to; /* frames are padded to this length */
};

static inline uint8_t wire_first_byte(const struct wire_packet *p)
{
	const struct quic_version *v = quic_version_find(p->version);

	for (unsigned bits = 0; bits < 4; bits++)
		if (quic_version_type(v, bits) == p->type)
			return (uint8_t)(0xc3 | bits << 4);
	return 0xc3;
}

static inline void wire_mask_header(const struct quic_keys *keys, uint8_t *packet, size_t number_at)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t mask[32];
	int n;

	EVP_EncryptInit_ex2(ctx, EVP_aes_128_ecb(), keys->hp, NULL, NULL);
	EVP_EncryptUpdate(ctx, mask, &n, packet + number_at + 4, 16);
	packet[0] ^= mask[0] & 0x0f;
	for (int i = 0; i < 4; i++)
		packet[number_at + (size_t)i] ^= mask[1 + i];
	EVP_CIPHER_CTX_free(ctx);
}

/* Appends the packet, its number in four bytes, AES-128-GCM. */
static inline void wire_seal(struct buffer *out, const struct quic_keys *keys,
			     const struct wire_packet *p)
{
	size_t from = out->len, len = p->frames.len > p->pad_to ? p->frames.len : p->pad_to;
	uint8_t nonce[NONCE_LEN], zeros[1500] = { 0 };
	int n;

	wire_int(out, wire_first_byte(p), 1);
	wire_int(out, p->version, 4);
	wire_vec(out, 1, p->dcid.at, p->dcid.len);
	wire_vec(out, 1, p->scid.at, p->scid.len);
	if (p->type == QUIC_INITIAL) {
		wire_varint(out, p->token.len);
		buffer_add(out, p->token.at, p->token.len);
	}
	wire_varint(out, 4 + len + QUIC_TAG_LEN);
	size_t number_at = out->len - from;
	wire_int(out, p->number, 4);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	aead_nonce(keys->iv, p->number, nonce);
	EVP_EncryptInit_ex2(ctx, EVP_aes_128_gcm(), keys->key, nonce, NULL);
	EVP_EncryptUpdate(ctx, NULL, &n, out->at + from, (int)(out->len - from));
	uint8_t *sealed = buffer_reserve(out, len + QUIC_TAG_LEN);
	if (p->frames.len)
		EVP_EncryptUpdate(ctx, sealed, &n, p->frames.at, (int)p->frames.len);
	if (len > p->frames.len)
		EVP_EncryptUpdate(ctx, sealed + p->frames.len, &n, zeros,
				  (int)(len - p->frames.len));
	EVP_EncryptFinal_ex(ctx, sealed + len, &n);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG_LEN, sealed + len);
	EVP_CIPHER_CTX_free(ctx);
	out->len += len + QUIC_TAG_LEN;
	wire_mask_header(keys, out->at + from, number_at);
}

#endif
