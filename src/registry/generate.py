#!/usr/bin/env python3
"""Makes registry_data.c out of the tables (*.tsv) beside this file: generate.py FOLDER OUTPUT.

A table's head says its columns; fields are separated by one tab. Whatever looks wrong (a field too
many, codes out of order, a name twice) ends the build with the place where it stands. Given the same
tables the output is the same, byte for byte.
"""
import os
import re
import shlex
import sys

# The tables with a sentence for every entry, by their kind's name in enum registry_kind. Ciphers and
# groups have their sentences composed.
KINDS = {
    "VERSION": "versions",
    "SIGNATURE_SCHEME": "signature_schemes",
    "EXTENSION": "extensions",
    "ALERT": "alerts",
    "MESSAGE": "messages",
    "COMPRESSION": "compressions",
    "PSK_MODE": "psk_modes",
    "CERTIFICATE_COMPRESSION": "certificate_compressions",
    "ALERT_LEVEL": "alert_levels",
    "QUIC_VERSION": "quic_versions",
}
HASHES = {
    "MD5": "MD5", "SHA": "SHA-1", "SHA256": "SHA-256", "SHA384": "SHA-384", "SHA512": "SHA-512",
    "SM3": "SM3", "IMIT": "the imitovstavka of GOST 28147-89", "OMAC": "OMAC",
    "GOSTR3411": "GOST R 34.11-94", "STREEBOG256": "Streebog-256", "NULL": "nothing",
}
# NIST SP 800-57 part 1, table 2, the steps between by the same formula.
PRIME_STRENGTH = {2048: 112, 3072: 128, 4096: 152, 6144: 176, 8192: 200}
WEAK_BELOW = 112

FAULTS = [
    ("ANONYMOUS", "nobody is authenticated, so that anyone in between can read along"),
    ("NULL", "nothing is encrypted"),
    ("EXPORT", "made breakable on purpose for the export rules of the 1990s"),
    ("RC4", "RC4 is broken and forbidden (RFC 7465)"),
    ("DES", "the key is so short that it can be searched through"),
    ("3DES", "blocks of 64 bits leak after some gigabytes (Sweet32)"),
    ("RC2_IDEA_SEED", "current programs have dropped this old cipher"),
    ("MD5", "MD5 is outdated"),
]


def fail(place, what):
    sys.exit(f"generate.py: {place}: {what}")


class Row(dict):
    """The fields of one line by column, and `place`, where the line stands."""


def read_table(folder, name):
    """The rows of a table and the names that its head allows to stand more than once."""
    path = os.path.join(folder, name + ".tsv")
    columns, repeats, rows = None, set(), []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            place, line = f"{path}:{number}", line.rstrip("\n")
            if line.startswith("# columns:"):
                columns = line.split(":", 1)[1].split()
            elif line.startswith("# repeats:"):
                repeats.update(shlex.split(line.split(":", 1)[1]))
            if line.startswith("#"):
                continue
            fields = line.split("\t")
            if columns is None or len(fields) != len(columns):
                fail(place, f"{len(fields)} fields, where the head names {columns}")
            if any(not field or field != field.strip() for field in fields):
                fail(place, "an empty field, or a space at its edge")
            rows.append(Row(zip(columns, fields), place=place))
    if not rows:
        fail(path, "no rows")
    return rows, repeats


def read_coded(folder, name):
    """A table sorted by code. A name comes twice only where the head says so, and then it must."""
    rows, repeats = read_table(folder, name)
    last, seen, repeated = -1, set(), set()
    for row in rows:
        row["code"] = int(row["code"], 0)
        if row["code"] <= last:
            fail(row["place"], "codes are out of order, or one comes twice")
        if row["name"] in seen:
            repeated.add(row["name"])
        last = row["code"]
        seen.add(row["name"])
    if repeated != repeats:
        fail(name, f"twice in the table or in '# repeats:', not in both: {repeated ^ repeats}")
    return rows


def read_named(folder, name):
    """A table looked up by its first column."""
    rows, _ = read_table(folder, name)
    key = next(iter(rows[0]))
    if [row[key] for row in rows] != sorted({row[key] for row in rows}):
        fail(name, f"sort the table by {key}, each once")
    return {row[key]: row for row in rows}


def flag_set(text):
    return set() if text == "-" else set(text.split(","))


def blank(text):
    return "" if text == "-" else text


def split_suite(row, encryptions):
    """(key exchange, encryption, hash) as the suite's name says them."""
    name = row["name"]
    if name.startswith("SSL_CK_"):
        before, after = "SSL2", name[len("SSL_CK_"):].replace("_WITH_", "_")
    elif "_WITH_" in name:
        before, after = re.fullmatch(r"(?:TLS|SSL)_(.*?)_WITH_(.*)", name).groups()
    else:
        before, after = "TLS13", name.removeprefix("TLS_")
    if after in encryptions:
        return before, after, blank(encryptions[after]["hash"])
    cipher, _, digest = after.rpartition("_")
    return before, cipher, "SHA" if digest == "SHA1" else digest


def suite_of(row, tables):
    """What a suite is made of."""
    odd = tables["odd"].get(row["name"])
    if odd:
        parts = odd["key_exchange"], odd["encryption"], odd["hash"]
    else:
        parts = split_suite(row, tables["encryptions"])
    exchange, encryption = tables["key_exchanges"].get(parts[0]), tables["encryptions"].get(parts[1])
    if not exchange or not encryption or parts[2] not in HASHES:
        fail(row["place"], f"parts unknown: {parts}")
    flags = flag_set(exchange["flags"]) | flag_set(encryption["flags"])
    if parts[2] in ("MD5", "SHA384"):
        flags.add(parts[2])
    return {"code": row["code"], "exchange": exchange, "encryption": encryption, "mac": parts[2],
            "flags": flags}


def suite_verdict(suite):
    flags, said = suite["flags"], []
    faults = [text for flag, text in FAULTS if flag in flags]
    if faults:
        said.append("weak: " + ", and ".join(faults))
    if "NULL" in flags:  # there is no secret to keep
        return "; ".join(said)
    if "FORWARD_SECRET" in flags:
        said.append("forward secret")
    else:
        secret = "pre-shared key" if suite["exchange"]["token"] == "PSK" else "long-term key"
        said.append(f"not forward secret, so that whoever gets the {secret} later"
                    " can read what was recorded")
    if not faults and "CBC" in flags:
        said.append("second choice, as CBC mode is safe against padding oracles"
                    " only with encrypt_then_mac")
    return "; ".join(said)


def suite_meaning(suite):
    flags, encryption = suite["flags"], suite["encryption"]["phrase"]
    text = "No encryption" if "NULL" in flags else encryption[0].upper() + encryption[1:]
    if suite["mac"] != "NULL":
        text += (", integrity by " if "NULL" in flags else " with ") + HASHES[suite["mac"]]
    if "TLS13" in flags:
        text += ", a suite of TLS 1.3: key exchange and signature are negotiated apart from it"
        if "NULL" in flags:
            return text + "; weak: nothing is encrypted."
        return text + "; forward secret unless a pre-shared key is used alone."
    exchange = suite["exchange"]
    text += f"; keys from {exchange['agreement']}"
    if exchange["proof"] != "nothing":
        text += f", identity shown by {exchange['proof']}"
    return f"{text}; {suite_verdict(suite)}."


def group_of(row):
    family, bits = row["family"], int(row["bits"])
    withdrawn = family in ("BINARY", "EXPLICIT")
    strength = PRIME_STRENGTH.get(bits, 0) if family == "FINITE_FIELD" else (bits + 1) // 2
    quantum = family in ("HYBRID", "ML_KEM")
    return {
        "code": row["code"], "family": "ELLIPTIC" if withdrawn else family, "bits": bits,
        "withdrawn": withdrawn, "strength": strength, "post_quantum": quantum,
        "weak": withdrawn or (not quantum and strength < WEAK_BELOW),
    }


def group_meaning(row, group):
    text = row["about"][0].upper() + row["about"][1:]
    if group["post_quantum"]:
        return text + "; what is recorded today stays closed to the quantum computers of tomorrow."
    if group["strength"]:
        text += f", about {group['strength']} bits of strength"
    if group["withdrawn"]:
        return f"{text}; withdrawn by RFC 8422 and not to be offered."
    if group["weak"]:
        return f"{text}; weak: too short for today and not to be offered."
    return f"{text}; not safe against quantum computers."


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def entries(kind, rows):
    lines = [f"static const struct registry_entry {kind.lower()}_entries[] = {{"]
    for row in rows:
        texts = ", ".join(quote(row[column]) for column in ("name", "meaning", "reference"))
        lines.append(f"\t{{ 0x{row['code']:04x}, {texts} }},")
    return lines + ["};", ""]


def suite_line(suite):
    flags = " | ".join("SUITE_" + flag for flag in sorted(suite["flags"])) or "0"
    exchange = "UNSEEN" if suite["exchange"]["class"] == "NONE" else suite["exchange"]["class"]
    authentication, encryption = suite["exchange"]["authentication"], suite["encryption"]
    texts = ", ".join(quote(blank(text)) for text in (authentication, encryption["token"], suite["mac"]))
    return (f"\t{{ 0x{suite['code']:04x}, KEY_EXCHANGE_{exchange}, {texts}, "
            f"{encryption['bits']}, {flags} }},")


def group_line(group):
    return (f"\t{{ 0x{group['code']:04x}, GROUP_{group['family']}, {group['bits']}, "
            f"{str(group['weak']).lower()}, {str(group['post_quantum']).lower()} }},")


def load_ciphers(folder):
    tables = {"key_exchanges": read_named(folder, "key_exchanges"),
              "encryptions": read_named(folder, "encryptions"), "odd": read_named(folder, "odd_suites")}
    signals = read_named(folder, "signalling_suites")
    rows, suites = read_coded(folder, "ciphers"), []
    for unknown in (tables["odd"].keys() | signals.keys()) - {row["name"] for row in rows}:
        fail("ciphers", f"{unknown} is described elsewhere but not listed")
    none = {"class": "NONE", "authentication": "-"}
    for row in rows:
        if row["name"] in signals:
            row["meaning"] = signals[row["name"]]["meaning"]
            suite = {"code": row["code"], "exchange": none, "encryption": {"token": "-", "bits": "0"},
                     "mac": "-", "flags": {"SIGNALLING"}}
        else:
            suite = suite_of(row, tables)
            row["meaning"] = suite_meaning(suite)
        suites.append(suite)
    return rows, suites


def load_groups(folder):
    rows = read_coded(folder, "groups")
    groups = [group_of(row) for row in rows]
    for row, group in zip(rows, groups):
        row["meaning"] = group_meaning(row, group)
    return rows, groups


def generate(folder):
    kinds = {kind: read_coded(folder, name) for kind, name in KINDS.items()}
    kinds["CIPHER"], suites = load_ciphers(folder)
    kinds["GROUP"], groups = load_groups(folder)
    lines = ["/* Made by generate.py from the tables beside it: change those. */",
             '#include "registry/tables.h"', "", '#include "overhear/handshake.h"', ""]
    for kind, rows in kinds.items():
        for row in rows:
            if not row["meaning"].endswith("."):
                fail(row["place"], "a meaning is a sentence and ends with a full stop")
        lines += entries(kind, rows)
    lines.append("const struct registry_table registry_tables[REGISTRY_KIND_COUNT] = {")
    lines += [f"\t[REGISTRY_{kind}] = {{ {kind.lower()}_entries, {len(rows)} }},"
              for kind, rows in kinds.items()]
    lines += ["};", "", "const struct suite registry_suites[] = {", *map(suite_line, suites), "};",
              f"const size_t registry_suite_count = {len(suites)};", "",
              "const struct group registry_groups[] = {", *map(group_line, groups), "};",
              f"const size_t registry_group_count = {len(groups)};"]
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: generate.py FOLDER OUTPUT")
    text = generate(sys.argv[1])
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write(text)


main()
