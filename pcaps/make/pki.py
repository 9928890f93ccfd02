"""The certificates of the captures: one root that stays (pcaps/root.pem), everything below it made anew in each run.

The root's key lies in the tree, so that one capture can be remade alone: nobody must ever trust that root.
"""

import base64
import datetime
import os
import shutil
import struct
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))

CONFIG = """
[ca]
default_ca = this
[this]
dir = {dir}
database = {dir}/index.txt
serial = {dir}/serial
new_certs_dir = {dir}/issued
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
email_in_dn = no
[any]
commonName = supplied
organizationName = optional
countryName = optional
[req]
distinguished_name = name
prompt = no
[name]
"""


def openssl(*arguments, text=None):
    done = subprocess.run(("openssl",) + arguments, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    if done.returncode:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def stamp(days):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")


def sct_list(work, count=2):
    """RFC 6962 section 3.3: signed certificate timestamps of made-up logs, with signatures of the right shape."""
    key = os.path.join(work, "log.key")
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    scts = b""
    for number in range(count):
        log_id = bytes([0x40 + number]) * 32
        milliseconds = int(time.time() * 1000) - 3600000
        signed = os.path.join(work, "sct.bin")
        with open(signed, "wb") as f:
            f.write(log_id)
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, signed], check=True,
                                   stdout=subprocess.PIPE).stdout
        sct = struct.pack(">B32sQH2BH", 0, log_id, milliseconds, 0, 4, 3, len(signature)) + signature
        scts += struct.pack(">H", len(sct)) + sct
    return struct.pack(">H", len(scts)) + scts


class Pki:
    def __init__(self, work):
        self.work = work
        self.root = os.path.join(HERE, os.pardir, "root.pem")
        self.root_key = os.path.join(HERE, "root.key")
        os.makedirs(os.path.join(work, "issued"), exist_ok=True)
        self.config = self.path("ca.cnf")
        with open(self.config, "w") as f:
            f.write(CONFIG.format(dir=work))
        open(self.path("index.txt"), "w").close()
        with open(self.path("serial"), "w") as f:
            f.write(os.urandom(8).hex().replace("f", "1", 1).zfill(16) + "\n")
        if not os.path.exists(self.root_key):
            self.make_root()
        self.authority("intermediate", "Overhear Test Intermediate", "root")

    def path(self, name):
        return os.path.join(self.work, name)

    def cert(self, name):
        return self.root if name == "root" else self.path(name + ".pem")

    def key(self, name):
        return self.root_key if name == "root" else self.path(name + ".key")

    def chain(self, *names):
        """A file with these certificates in this order."""
        path = self.path("chain-" + "-".join(names) + ".pem")
        with open(path, "w") as out:
            for name in names:
                with open(self.cert(name)) as f:
                    out.write(f.read())
        return path

    def make_key(self, name, kind):
        options = {
            "rsa": ["RSA", "rsa_keygen_bits:2048"],
            "rsa1024": ["RSA", "rsa_keygen_bits:1024"],
            "rsa-pss": ["RSA-PSS", "rsa_keygen_bits:2048"],
            "ec": ["EC", "ec_paramgen_curve:P-256"],
            "ec384": ["EC", "ec_paramgen_curve:P-384"],
            "ed25519": ["ED25519"],
        }[kind]
        extra = ["-pkeyopt", options[1]] if len(options) > 1 else []
        openssl("genpkey", "-algorithm", options[0], *extra, "-out", self.key(name))

    def make_root(self):
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.root_key)
        openssl("req", "-x509", "-new", "-key", self.root_key, "-subj", "/O=Overhear Tests/CN=Overhear Test Root",
                "-days", "7300", "-sha256", "-addext", "basicConstraints=critical,CA:true",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", self.root)

    def sign(self, name, subject, issuer, extensions, first, last, digest="sha256"):
        request = self.path(name + ".csr")
        openssl("req", "-new", "-key", self.key(name), "-subj", subject, "-config", self.config, "-out", request)
        section = self.path(name + ".ext")
        with open(section, "w") as f:
            f.write("[extensions]\nsubjectKeyIdentifier=hash\n" + extensions)
            if issuer != name:
                f.write("authorityKeyIdentifier=keyid\n")
        signer = ["-selfsign", "-keyfile", self.key(name)] if issuer == name else \
            ["-cert", self.cert(issuer), "-keyfile", self.key(issuer)]
        openssl("ca", "-batch", "-notext", "-config", self.config, "-in", request, "-out", self.path(name + ".pem"),
                "-md", digest, "-startdate", stamp(first), "-enddate", stamp(last), "-extfile", section,
                "-extensions", "extensions", *signer)

    def authority(self, name, common_name, issuer, first=-400, last=3000):
        if not os.path.exists(self.cert(name)):
            self.make_key(name, "rsa")
            self.sign(name, f"/O=Overhear Tests/CN={common_name}", issuer,
                      "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n", first, last)
        return name

    def leaf(self, name="rsa", kind=None, issuer="intermediate", san="DNS:example.test,DNS:www.example.test",
             first=-10, last=80, digest="sha256", extra="", usage="serverAuth", common_name="example.test"):
        if not os.path.exists(self.cert(name)):
            self.make_key(name, kind or (name if name in ("rsa", "ec", "ec384", "ed25519", "rsa1024") else "ec"))
            alternative = f"subjectAltName={san}\n" if san else ""
            self.sign(name, f"/CN={common_name}", name if issuer == "self" else issuer,
                      "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature,keyEncipherment\n"
                      f"extendedKeyUsage={usage}\n{alternative}{extra}", first, last, digest)
        return name

    def client(self, name="client", **options):
        return self.leaf(name, usage="clientAuth", common_name=options.pop("common_name", "a client"), san="", **options)

    def with_scts(self):
        scts = sct_list(self.work)
        value = b"\x04\x81" + bytes([len(scts)]) + scts
        assert 0x80 <= len(scts) < 0x100
        return self.leaf("scts", "ec", extra=f"1.3.6.1.4.1.11129.2.4.2=DER:{value.hex()}\n")

    def scts_as_extension(self):
        """An OpenSSL serverinfo file that carries extension 18."""
        scts = sct_list(self.work, 3)
        body = struct.pack(">HH", 18, len(scts)) + scts
        path = self.path("scts.serverinfo")
        with open(path, "w") as f:
            f.write("-----BEGIN SERVERINFO FOR SCT-----\n" + base64.encodebytes(body).decode()
                    + "-----END SERVERINFO FOR SCT-----\n")
        return path

    def ocsp_response(self, name, status):
        """A stapled answer for `name`, signed by its issuer; status is good, revoked or unknown."""
        serial = openssl("x509", "-in", self.cert(name), "-noout", "-serial").strip().split("=")[1]
        line = {
            "good": f"V\t{stamp(80)[2:]}\t\t{serial}\tunknown\t/CN=example.test\n",
            "revoked": f"R\t{stamp(80)[2:]}\t{stamp(-2)[2:]},keyCompromise\t{serial}\tunknown\t/CN=example.test\n",
            "unknown": "",
        }[status]
        index = self.path(f"ocsp-{status}.txt")
        with open(index, "w") as f:
            f.write(line)
        response = self.path(f"{name}-{status}.ocsp")
        openssl("ocsp", "-index", index, "-CA", self.cert("intermediate"), "-rsigner", self.cert("intermediate"),
                "-rkey", self.key("intermediate"), "-issuer", self.cert("intermediate"), "-cert", self.cert(name),
                "-respout", response, "-ndays", "7", "-resp_no_certs")
        return response

    def pkcs12(self, name, chain=("intermediate",)):
        """For Java and NSS: key, leaf and chain under the pass phrase 'secret'."""
        path = self.path(name + ".p12")
        openssl("pkcs12", "-export", "-inkey", self.key(name), "-in", self.cert(name), "-name", name,
                "-certfile", self.chain(*chain), "-passout", "pass:secret", "-out", path)
        return path

    def discard(self):
        shutil.rmtree(self.work, ignore_errors=True)
