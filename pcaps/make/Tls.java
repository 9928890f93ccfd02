import java.io.FileInputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.util.List;
import javax.net.ssl.*;

/** An endpoint on JSSE: java Tls.java client|server PORT P12|- ROOT PROTOCOLS|- SUITES|- [CONNECTIONS] [want|need]. */
public class Tls {
	static SSLContext context(String identity, String root) throws Exception {
		KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
		KeyStore own = KeyStore.getInstance("PKCS12");
		if (identity.equals("-"))
			own.load(null, null);
		else
			own.load(new FileInputStream(identity), "secret".toCharArray());
		keys.init(own, "secret".toCharArray());
		KeyStore trusted = KeyStore.getInstance("PKCS12");
		trusted.load(null, null);
		trusted.setCertificateEntry("root",
			CertificateFactory.getInstance("X.509").generateCertificate(new FileInputStream(root)));
		TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
		trust.init(trusted);
		SSLContext context = SSLContext.getInstance("TLS");
		context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
		return context;
	}

	static void say(SSLSession session) throws Exception {
		int sent = 0, got;
		try {
			got = session.getPeerCertificates().length;
		} catch (SSLPeerUnverifiedException none) {
			got = 0;
		}
		if (session.getLocalCertificates() != null)
			sent = session.getLocalCertificates().length;
		System.out.println("protocol=" + session.getProtocol() + " cipher=" + session.getCipherSuite() + " peer=" + got + " own=" + sent);
	}

	static void serve(SSLSocket socket) {
		try (socket) {
			socket.startHandshake();
			say(socket.getSession());
			byte[] buffer = new byte[512];
			int n = socket.getInputStream().read(buffer);
			if (n > 0)
				socket.getOutputStream().write(buffer, 0, n);
			socket.getInputStream().read(buffer);
		} catch (Exception e) {
			System.out.println("error=" + e.getMessage());
		}
	}

	static void connect(SSLContext context, int port, String[] protocols, String[] suites, String name) {
		try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("192.0.2.2", port)) {
			SSLParameters parameters = socket.getSSLParameters();
			if (protocols != null)
				parameters.setProtocols(protocols);
			if (suites != null)
				parameters.setCipherSuites(suites);
			parameters.setServerNames(List.of(new SNIHostName(name)));
			parameters.setApplicationProtocols(new String[] { "http/1.1" });
			parameters.setEndpointIdentificationAlgorithm(null);
			socket.setSSLParameters(parameters);
			socket.startHandshake();
			say(socket.getSession());
			socket.getOutputStream().write("hello\n".getBytes(StandardCharsets.US_ASCII));
			socket.getInputStream().read(new byte[512]);
			Thread.sleep(100);
		} catch (Exception e) {
			System.out.println("error=" + e.getMessage());
		}
	}

	public static void main(String[] a) throws Exception {
		Security.setProperty("jdk.tls.disabledAlgorithms", "");
		Security.setProperty("jdk.certpath.disabledAlgorithms", "");
		SSLContext context = context(a[2], a[3]);
		String[] protocols = a[4].equals("-") ? null : a[4].split(",");
		String[] suites = a[5].equals("-") ? null : a[5].split(",");
		int connections = a.length > 6 ? Integer.parseInt(a[6]) : 1;
		if (a[0].equals("client")) {
			for (int i = 0; i < connections; i++)
				connect(context, Integer.parseInt(a[1]), protocols, suites, a.length > 7 ? a[7] : "example.test");
			return;
		}
		SSLServerSocket listener = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(Integer.parseInt(a[1]));
		if (protocols != null)
			listener.setEnabledProtocols(protocols);
		if (suites != null)
			listener.setEnabledCipherSuites(suites);
		listener.setNeedClientAuth(a.length > 7 && a[7].equals("need"));
		if (a.length > 7 && a[7].equals("want"))
			listener.setWantClientAuth(true);
		while (true)
			serve((SSLSocket) listener.accept());
	}
}
