"""QUIC endpoints of Debian 13, in a root of their own: ngtcp2's client and server, OpenSSL 3.5, nginx, curl; and Chromium."""

import re
import subprocess

from lab import NAME, SERVER
from openssl import finish
from stacks import chromium


def rooted(lab, *command):
    """The laboratory's and the keys' folders under the same names inside the other root; the mounts end with the namespace."""
    root = lab.tools["trixie"]
    assert root, "give --trixie"
    script = ['root=$1; shift', 'mount -t proc proc "$root/proc"', 'mount --bind /dev "$root/dev"']
    for folder in (lab.work, lab.pki.work):
        script += [f'mkdir -p "$root{folder}"', f'mount --bind {folder} "$root{folder}"']
    script.append('exec chroot "$root" "$@"')
    return ["sh", "-ec", "; ".join(script), "sh", root, *command]


def listens(lab, port=443):
    return f":{port} " in lab.udp_sockets()


def quic_server(lab, *command, env=None):
    server = lab.server(*rooted(lab, *command), wait=False, env=env)
    try:
        lab.wait_for(lambda: listens(lab), "", seconds=6)
    except RuntimeError:
        raise RuntimeError(f"server does not listen: {server.text()}") from None
    return server


def ngtcp2_server(lab, *options, cert="ec"):
    lab.pki.leaf(cert)
    return quic_server(lab, "/usr/sbin/gtlsserver", "-q", *options, "0.0.0.0", "443", lab.pki.key(cert),
                       lab.pki.chain(cert, "intermediate"))


def ngtcp2_client(lab, *options, hold=0.2):
    return lab.client(*rooted(lab, "gtlsclient", "--no-quic-dump", "--no-http-dump", "--exit-on-all-streams-close", *options,
                              SERVER, "443", f"https://{SERVER}/"),
                      hold=hold, env={"SSLKEYLOGFILE": lab.keylog}, seconds=8)


def quic_nginx(lab, *directives, cert="ec", chain="intermediate"):
    lab.pki.leaf(cert)
    more = " ".join(d + ";" for d in directives)
    configuration = lab.file("quic.conf", f"""
user root; daemon off; master_process off; pid {lab.work}/nginx.pid; error_log stderr info;
events {{ worker_connections 64; }}
http {{
    client_body_temp_path {lab.work}/body; proxy_temp_path {lab.work}/proxy;
    fastcgi_temp_path {lab.work}/fastcgi; uwsgi_temp_path {lab.work}/uwsgi; scgi_temp_path {lab.work}/scgi;
    log_format tls 'said $ssl_protocol $ssl_cipher $ssl_curve alpn=$ssl_alpn_protocol reused=$ssl_session_reused sni=$ssl_server_name';
    access_log /dev/stdout tls;
    server {{
        listen 443 quic; server_name {NAME}; {more}
        ssl_certificate {lab.pki.chain(cert, chain)}; ssl_certificate_key {lab.pki.key(cert)};
        location / {{ default_type text/html; return 200 '<link rel=icon href="data:,">'; }}
    }}
}}
""")
    return quic_server(lab, "/usr/sbin/nginx", "-c", configuration, "-p", lab.work)


def trusted(lab):
    """The root, where the other root's programs see it."""
    return lab.file("root.pem", open(lab.pki.root).read())


def quic_s_client(lab, *options, alpn="h3", sni=NAME, hold=0.5, say=b""):
    return lab.client(*rooted(lab, "openssl", "s_client", "-quic", "-connect", f"{SERVER}:443", "-servername", sni, "-alpn",
                              alpn, "-CAfile", trusted(lab), "-keylogfile", lab.keylog, *options), say=say, hold=hold, seconds=8)


def quic_curl(lab, *options, hold=0):
    return lab.client(*rooted(lab, "curl", "-sv", "--http3-only", "--cacert", trusted(lab), "--resolve", f"{NAME}:443:{SERVER}",
                              *options, f"https://{NAME}/"), hold=hold, env={"SSLKEYLOGFILE": lab.keylog}, seconds=20)


def quic_chromium(lab, cert="ec"):
    """Over QUIC, Chromium takes a root of our own only for a key that it is told."""
    spki = subprocess.run(f"openssl x509 -in {lab.pki.cert(cert)} -noout -pubkey | openssl pkey -pubin -outform der |"
                          " openssl dgst -sha256 -binary | base64", shell=True, check=True, stdout=subprocess.PIPE, text=True).stdout
    return chromium(lab, f"--origin-to-force-quic-on={NAME}:443", f"--ignore-certificate-errors-spki-list={spki.strip()}",
                    quic=True, trusting=False, timeout=4000)


GROUPS = {"X25519": "x25519", "0x11ec": "X25519MLKEM768", "SECP256R1": "secp256r1"}


def nginx_seen(server, sni=NAME, **more):
    """nginx's own words; its name for the group is OpenSSL's."""
    said = re.search(r"(?m)^said (\S+) (\S+) (\S+) alpn=(\S+) reused=(\S+)", server.text())
    assert said, server.text()
    protocol, cipher, group, alpn, reused = said.groups()
    assert protocol == "TLSv1.3", said
    row = {"transport": "quic", "server_name": sni, "outcome": "completed", "version": "TLS 1.3", "cipher": cipher,
           "named_group": GROUPS.get(group, group), "resumption": "psk" if reused == "r" else "none", "quic_version": "v1"}
    return finish(row, {"alpn": alpn}, more)


# gtlsclient says it where the host is an address.
NAMELESS = "localhost"


def quic_seen(sni=NAMELESS, version="v1", **more):
    return finish({"transport": "quic", "server_name": sni, "outcome": "completed", "version": "TLS 1.3", "resumption": "none",
                   "quic_version": version}, {}, more)
