// Client and server on Node's tls module: tls.mjs client|server JSON. Each handshake is printed as one line of JSON.
import fs from 'node:fs';
import tls from 'node:tls';

const [role, text] = process.argv.slice(2);
const given = JSON.parse(text);
for (const name of ['cert', 'key', 'ca', 'session'])
	if (given[name] && fs.existsSync(given[name]))
		given[name] = fs.readFileSync(given[name]);

function said(socket) {
	return JSON.stringify({
		version: socket.getProtocol(), cipher: socket.getCipher().standardName, alpn: socket.alpnProtocol || null,
		reused: socket.isSessionReused(), servername: socket.servername || null, authorized: socket.authorized,
		openssl: process.versions.openssl,
	});
}

if (role === 'server') {
	if (given.psk)
		given.pskCallback = (socket, identity) => given.psk[identity] ? Buffer.from(given.psk[identity], 'hex') : null;
	const server = tls.createServer(given, socket => {
		console.log(said(socket));
		socket.on('error', () => {});
		socket.on('data', data => socket.write(data.toString().startsWith('GET') ?
			'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 30\r\nConnection: close\r\n\r\n' +
			'<link rel=icon href="data:,">\n' : data));
	});
	server.on('tlsClientError', error => console.log(JSON.stringify({ error: error.code ?? error.message })));
	server.listen(given.port ?? 443, '::');
} else {
	const log = line => given.keylog && fs.appendFileSync(given.keylog, line);
	let session;
	for (let round = 0; round < (given.rounds ?? 1); round++)
		await new Promise(done => {
			const socket = tls.connect({ port: 443, ...given, session }, () => {
				console.log(said(socket));
				socket.write('hello\n');
			});
			socket.on('keylog', log);
			socket.on('session', ticket => { session = ticket; });
			socket.on('error', error => console.log(JSON.stringify({ error: error.code ?? error.message })));
			socket.on('data', () => setTimeout(() => socket.end(), 100));
			socket.on('close', done);
			if (given.deadline)
				setTimeout(() => socket.destroy(), given.deadline);
		});
}
