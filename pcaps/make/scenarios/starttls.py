"""TLS behind STARTTLS and its kin, through proxies, and what did not come of it."""

import os
import re
import subprocess
import sys

from lab import NAME, SERVER
from openssl import VERSIONS, iana_name, s_client, seen
from registry import Attempts, scenario

SPOKEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "spoken.py")
PORTS = {"smtp": 25, "lmtp": 24, "imap": 143, "pop3": 110, "ftp": 21, "nntp": 119, "xmpp": 5222, "irc": 6667, "ldap": 389, "sieve": 4190}


def chained(lab):
    """The leaf and its issuer in one file."""
    whole = os.path.join(lab.work, "whole.pem")
    with open(whole, "w") as out:
        for part in (lab.pki.cert("rsa"), lab.pki.chain("intermediate")):
            with open(part) as f:
                out.write(f.read())
    return whole


def spoken(lab, protocol, port, habit="grant"):
    lab.pki.leaf("rsa")
    lab.server(sys.executable, SPOKEN, protocol, str(port), chained(lab), lab.pki.key("rsa"), habit, port=port)
    lab.record()


def by_openssl(protocol):
    def run(lab):
        port = PORTS[protocol]
        spoken(lab, protocol, port)
        option = ["-xmpphost", NAME] if protocol == "xmpp" else []
        result = s_client(lab, "-starttls", protocol, *option, port=port)
        return [seen(result, starttls=protocol, server_port=port)]
    scenario(f"OpenSSL's s_client asks for TLS in the words of {protocol}; the server is scripted", name=f"starttls_{protocol}")(run)


for each in PORTS:
    by_openssl(each)


@scenario("SMTP, TLS 1.2: the server's certificate can be read")
def starttls_smtp_tls12(lab):
    spoken(lab, "smtp", 587)
    result = s_client(lab, "-starttls", "smtp", "-tls1_2", port=587)
    return [seen(result, starttls="smtp", server_port=587)]


@scenario("SMTP by swaks: a mail client that asks for TLS and checks the name")
def starttls_swaks(lab):
    spoken(lab, "smtp", 25)
    result = lab.client("swaks", "--server", SERVER, "--port", "25", "--tls", "--tls-sni", NAME, "--quit-after", "TLS", "--ehlo", "a.test",
                        "--to", "b@" + NAME)
    assert result.has("TLS started"), result.text
    return [{"server_name": NAME, "outcome": "completed", "starttls": "smtp", "server_port": 25}]


def refusal(port, reason, starttls):
    return Attempts(reason, port=port, starttls=starttls)


@scenario("SMTP: STARTTLS is offered, asked for and refused: no handshake, an attempt")
def starttls_refused(lab):
    spoken(lab, "smtp", 25, "refuse")
    lab.client("swaks", "--server", SERVER, "--port", "25", "--tls", "--ehlo", "a.test", "--to", "b@" + NAME)
    return refusal(25, "starttls-refused", "smtp")


@scenario("SMTP: STARTTLS is offered and not taken, mail goes in plain text: no handshake, an attempt")
def starttls_not_taken(lab):
    spoken(lab, "smtp", 25)
    lab.client("swaks", "--server", SERVER, "--port", "25", "--ehlo", "a.test", "--to", "b@" + NAME)
    return refusal(25, "closed", "smtp")


@scenario("SMTP: the offer of STARTTLS was written over on its way, as some firewalls do: no handshake, an attempt")
def starttls_stripped(lab):
    spoken(lab, "smtp", 25, "mangled")
    lab.client("swaks", "--server", SERVER, "--port", "25", "--tls-optional", "--ehlo", "a.test", "--to", "b@" + NAME)
    return refusal(25, "starttls-stripped", "smtp")


@scenario("SMTP without an offer of STARTTLS: nothing at all")
def starttls_not_offered(lab):
    spoken(lab, "smtp", 25, "plain")
    lab.client("swaks", "--server", SERVER, "--port", "25", "--ehlo", "a.test", "--to", "b@" + NAME)
    return Attempts()


@scenario("IMAP: STARTTLS is asked for and the server hangs up; s_client sends its hello all the same")
def starttls_closed(lab):
    spoken(lab, "imap", 143, "close")
    s_client(lab, "-starttls", "imap", port=143, keys=False)
    return [{"server_name": NAME, "outcome": "failed", "ended_by": "server", "starttls": "imap", "server_port": 143}]


# ---- proxies ----

def by_curl(lab, road, port, *options):
    result = lab.client("curl", "-sS", "--cacert", lab.pki.root, *options, f"https://{NAME}/", env={"SSLKEYLOGFILE": lab.keylog})
    assert result.has("^ok"), result.text
    return [{"server_name": NAME, "outcome": "completed", "version": "TLS 1.3", "starttls": road, "server_port": port}]


@scenario("curl through an HTTP proxy: CONNECT")
def http_connect_curl(lab):
    spoken(lab, "http-proxy", 3128)
    return by_curl(lab, "http-connect", 3128, "--proxy", f"http://{SERVER}:3128")


@scenario("the HTTP proxy refuses the tunnel: no handshake, an attempt")
def http_connect_refused(lab):
    spoken(lab, "http-proxy", 3128, "refuse")
    lab.client("curl", "-sS", "--proxy", f"http://{SERVER}:3128", f"https://{NAME}/")
    return refusal(3128, "starttls-refused", "http-connect")


@scenario("curl through SOCKS 5, the proxy looks the name up")
def socks5_curl(lab):
    spoken(lab, "socks", 1080)
    return by_curl(lab, "socks5", 1080, "--proxy", f"socks5h://{SERVER}:1080")


@scenario("curl through SOCKS 4a")
def socks4_curl(lab):
    spoken(lab, "socks", 1080)
    return by_curl(lab, "socks4", 1080, "--proxy", f"socks4a://{SERVER}:1080")


def through_haproxy(lab, protocol, port, option, road, *client):
    """haproxy runs at the client's end and tells the server, across the wire, whom it speaks for."""
    spoken(lab, protocol, port)
    config = lab.file("haproxy.cfg", f"""
defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s
listen near
    bind 127.0.0.1:{port}
    server far {SERVER}:{port} {option}
""")
    proxy = subprocess.Popen(lab.inside("client") + ["haproxy", "-db", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        lab.wait_for(lambda: f":{port} " in subprocess.run(lab.inside("client") + ["ss", "-Hltn"], stdout=subprocess.PIPE, text=True).stdout,
                     "haproxy does not listen")
        result = s_client(lab, *client, address="127.0.0.1", port=port)
    finally:
        proxy.terminate()
        proxy.wait()
    return [seen(result, starttls=road, server_port=port)]


@scenario("haproxy sends the header of the PROXY protocol, version 1, before the ClientHello")
def proxy_v1_haproxy(lab):
    return through_haproxy(lab, "proxied", 443, "send-proxy", "proxy-v1")


@scenario("haproxy sends the header of the PROXY protocol, version 2, before the ClientHello")
def proxy_v2_haproxy(lab):
    return through_haproxy(lab, "proxied", 443, "send-proxy-v2", "proxy-v2")


@scenario("a PROXY header before SMTP with STARTTLS")
def proxy_v1_smtp(lab):
    return through_haproxy(lab, "proxied-smtp", 25, "send-proxy", "proxy-v1+smtp", "-starttls", "smtp")


@scenario("RFC 2817: HTTP is upgraded to TLS on its own port; the client is OpenSSL behind a few typed lines")
def http_upgrade(lab):
    spoken(lab, "http-upgrade", 80)
    client = lab.file("upgrade.py", f"""
import socket, ssl
s = socket.create_connection(("{SERVER}", 80))
s.sendall(b"OPTIONS * HTTP/1.1\\r\\nHost: {NAME}\\r\\nUpgrade: TLS/1.2\\r\\nConnection: Upgrade\\r\\n\\r\\n")
answer = b""
while not answer.endswith(b"\\r\\n\\r\\n"):
    answer += s.recv(1)
context = ssl.create_default_context(cafile="{lab.pki.root}")
context.maximum_version = ssl.TLSVersion.TLSv1_2
with context.wrap_socket(s, server_hostname="{NAME}") as tls:
    tls.sendall(b"OPTIONS * HTTP/1.1\\r\\nHost: {NAME}\\r\\n\\r\\n")
    print(tls.version(), tls.recv(100))
""")
    result = lab.client(sys.executable, client)
    assert result.has("TLSv1.2"), result.text
    return [{"server_name": NAME, "outcome": "completed", "version": "TLS 1.2", "starttls": "http-upgrade", "server_port": 80, "server_certificates": 2}]


# ---- databases and directories ----

def wait_for_port(lab, server, port):
    lab.wait_for(lambda: lab.listening(port), f"no server on {port}: {server.text()}", seconds=40)


@scenario("psql asks PostgreSQL for TLS")
def postgresql_psql(lab):
    lab.pki.leaf("rsa")
    home = os.path.join(lab.work, "pg")
    os.chmod(lab.work, 0o755)
    os.mkdir(home)
    key = os.path.join(lab.work, "server.key")
    subprocess.run(["cp", lab.pki.key("rsa"), key], check=True)
    subprocess.run(["chown", "-R", "postgres", home, key, chained(lab)], check=True)
    os.chmod(key, 0o600)
    tools = sorted(os.listdir("/usr/lib/postgresql"))[-1]
    tools = f"/usr/lib/postgresql/{tools}/bin"
    as_postgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
    subprocess.run(as_postgres + [tools + "/initdb", "-D", home, "-A", "trust"], check=True, stdout=subprocess.DEVNULL)
    with open(home + "/pg_hba.conf", "a") as f:
        f.write("host all all 192.0.2.0/24 trust\n")
    server = lab.server(*as_postgres, tools + "/postgres", "-D", home, "-k", home, "-h", SERVER, "-c", "ssl=on", "-c",
                        "ssl_cert_file=" + os.path.join(lab.work, "whole.pem"), "-c", "ssl_key_file=" + key, port=5432, wait=False)
    wait_for_port(lab, server, 5432)
    lab.record()
    result = lab.client("psql", f"host={NAME} hostaddr={SERVER} user=postgres sslmode=verify-full sslrootcert={lab.pki.root}", "-c",
                        "select version from pg_stat_ssl where pid = pg_backend_pid()")
    assert result.has("TLSv1.3"), result.text
    return [{"server_name": NAME, "outcome": "completed", "version": "TLS 1.3", "starttls": "postgresql", "server_port": 5432}]


def mariadb(lab, *options):
    lab.pki.leaf("rsa")
    home = os.path.join(lab.work, "db")
    os.chmod(lab.work, 0o755)
    os.mkdir(home)
    key = os.path.join(lab.work, "server.key")
    subprocess.run(["cp", lab.pki.key("rsa"), key], check=True)
    subprocess.run(["chown", "-R", "mysql", home, key, chained(lab)], check=True)
    subprocess.run(["mariadb-install-db", "--user=mysql", "--datadir=" + home, "--auth-root-authentication-method=normal", "--skip-test-db"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rights = lab.file("init.sql", "CREATE USER 'guest'@'%' IDENTIFIED BY 'secret';\n")
    os.chmod(rights, 0o644)
    server = lab.server("mariadbd", "--no-defaults", "--user=mysql", "--datadir=" + home, "--socket=" + home + "/s", "--bind-address=" + SERVER,
                        "--init-file=" + rights, *options, port=3306, wait=False)
    wait_for_port(lab, server, 3306)
    lab.record()


def guest(lab, *options):
    return lab.client("mariadb", "--no-defaults", "-h", SERVER, "-u", "guest", "-psecret", *options, "-e", "status")


@scenario("the mariadb client asks MariaDB for TLS 1.2")
def mysql_mariadb(lab):
    mariadb(lab, "--ssl-cert=" + os.path.join(lab.work, "whole.pem"), "--ssl-key=" + os.path.join(lab.work, "server.key"), "--tls-version=TLSv1.2")
    result = guest(lab, "--ssl", "--ssl-ca=" + lab.pki.root)
    assert result.has("Cipher in use"), result.text
    return [{"outcome": "completed", "version": "TLS 1.2", "starttls": "mysql", "server_port": 3306}]


@scenario("MariaDB offers TLS, the client does not take it: no handshake, an attempt")
def mysql_not_taken(lab):
    mariadb(lab, "--ssl-cert=" + os.path.join(lab.work, "whole.pem"), "--ssl-key=" + os.path.join(lab.work, "server.key"))
    result = guest(lab, "--skip-ssl")
    assert result.has("Not in use"), result.text
    return refusal(3306, "closed", "mysql")


@scenario("ldapsearch -ZZ asks slapd for TLS")
def ldap_slapd(lab):
    lab.pki.leaf("rsa")
    whole = chained(lab)
    home = os.path.join(lab.work, "ldap")
    os.mkdir(home)
    config = lab.file("slapd.conf", f"""
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {whole}
TLSCertificateKeyFile {lab.pki.key("rsa")}
database mdb
suffix "dc=test"
directory {home}
""")
    server = lab.server("slapd", "-d", "0", "-f", config, "-h", f"ldap://{SERVER}:389", port=389, wait=False)
    wait_for_port(lab, server, 389)
    lab.record()
    hosts = lab.file("hosts", f"{SERVER} {NAME}\n")
    result = lab.client("unshare", "-m", "sh", "-c", f"mount --bind {hosts} /etc/hosts; ldapsearch -x -ZZ -H ldap://{NAME} -s base -b '' supportedExtension",
                        env={"LDAPTLS_CACERT": lab.pki.root})
    assert result.has("1.3.6.1.4.1.1466.20037"), result.text
    return [{"outcome": "completed", "version": "TLS 1.3", "starttls": "ldap", "server_port": 389}]


# ---- TLS inside the packets of TDS, and RDP ----

def tds_server(lab, habit="required"):
    lab.pki.leaf("rsa")
    script = os.path.join(os.path.dirname(SPOKEN), "tds.py")
    server = lab.server(sys.executable, script, "1433", chained(lab), lab.pki.key("rsa"), habit, port=1433)
    lab.record()
    return server


@scenario("FreeTDS's tsql: the handshake of TLS goes in packets of TDS; the server is scripted")
def tds_freetds(lab):
    server = tds_server(lab)
    config = lab.file("freetds.conf", f"""
[there]
host = {SERVER}
port = 1433
tds version = 7.4
encryption = require
ca file = {lab.pki.root}
check certificate hostname = no
""")
    result = lab.client("tsql", "-S", "there", "-U", "guest", "-P", "secret", env={"FREETDSCONF": config, "SSLKEYLOGFILE": lab.keylog})
    assert result.has("Login failed"), result.text
    version = server.find(r"secured by (\S+)")
    return [{"outcome": "completed", "version": VERSIONS[version], "cipher": iana_name(server.find(r"secured by \S+ (\S+)")),
             "starttls": "tds", "server_port": 1433}]


def tedious(lab, encrypt):
    script = os.path.join(os.path.dirname(SPOKEN), "tds.mjs")
    result = lab.client(lab.tools["node"], f"--tls-keylog={lab.keylog}", script, SERVER, "1433", NAME, encrypt,
                        env={"NODE_EXTRA_CA_CERTS": lab.pki.root})
    assert result.has("Login failed"), result.text


@scenario("tedious: the handshake of TLS goes in packets of TDS; the server is scripted")
def tds_tedious(lab):
    server = tds_server(lab)
    tedious(lab, "true")
    version = server.find(r"secured by (\S+)")
    return [{"server_name": NAME, "outcome": "completed", "version": VERSIONS[version],
             "cipher": iana_name(server.find(r"secured by \S+ (\S+)")), "starttls": "tds", "server_port": 1433}]


@scenario("tedious: TDS 8, strict: TLS comes first; the server is scripted")
def tds_strict(lab):
    tds_server(lab, "strict")
    tedious(lab, "strict")
    return [{"server_name": NAME, "outcome": "completed", "starttls": None, "server_port": 1433, "hidden": {"alpn": "tds/8.0"}}]


@scenario("tsql wants TLS and the server of TDS does not know it: no handshake, an attempt")
def tds_refused(lab):
    tds_server(lab, "refused")
    config = lab.file("freetds.conf", f"[there]\nhost = {SERVER}\nport = 1433\ntds version = 7.4\nencryption = require\n")
    lab.client("tsql", "-S", "there", "-U", "guest", "-P", "secret", env={"FREETDSCONF": config})
    return refusal(1433, "starttls-refused", "tds")


def xrdp(lab, security="tls"):
    lab.pki.leaf("rsa")
    config = lab.file("xrdp.ini", f"""
[Globals]
ini_version=1
fork=true
port=tcp://0.0.0.0:3389
security_layer={security}
crypt_level=high
certificate={chained(lab)}
key_file={lab.pki.key("rsa")}
ssl_protocols=TLSv1.2, TLSv1.3
[Logging]
LogFile={lab.work}/xrdp.log
LogLevel=INFO
EnableConsole=true
[Xorg]
name=Xorg
lib=libxup.so
ip=127.0.0.1
port=-1
""")
    server = lab.server("xrdp", "--nodaemon", "--config", config, port=3389, wait=False)
    wait_for_port(lab, server, 3389)
    lab.record()
    return server


def freerdp(lab, *options):
    return lab.client("xvfb-run", "-a", "xfreerdp", f"/v:{SERVER}", "/u:guest", "/p:secret", "/cert:ignore", "/log-level:DEBUG", *options,
                      seconds=8)


@scenario("FreeRDP asks xrdp for TLS")
def rdp_freerdp(lab):
    server = xrdp(lab)
    freerdp(lab, "/sec:tls", "/auth-only")
    version, cipher = re.search(r"TLS connection established from \S+ port \d+: (\S+) with cipher (\S+)", server.text()).groups()
    return [{"outcome": "completed", "version": VERSIONS[version], "cipher": iana_name(cipher), "starttls": "rdp", "server_port": 3389}]


@scenario("FreeRDP offers TLS as well, and xrdp chooses RDP's own encryption: no handshake, an attempt")
def rdp_refused(lab):
    server = xrdp(lab, "rdp")
    freerdp(lab, "/sec:tls", "/auth-only")
    assert server.has(r"requested \[SSL\|RDP\], selected \[RDP\]"), server.text()
    return refusal(3389, "starttls-refused", "rdp")
