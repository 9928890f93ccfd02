// Both ends of TLS 1.3 with an encrypted ClientHello: ech.go server PORT CERT KEY PUBLIC-NAME [GROUP], or client ADDRESS NAME ROOT KEYLOG LIST.
//
// Go writes no ECH_SECRET into its key log: the server, who has the key, works it out from what came and says the lines.
// The server makes a key of its own and says, in hex, the ECHConfigList (RFC 9849 section 4) that belongs to it; the client
// takes one from anywhere.
package main

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
)

const (
	configVersion = 0xfe0d
	kemX25519     = 0x0020
	kdfSHA256     = 1
	aeadAES128    = 1
	configID      = 7
)

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func vector16(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func echConfig(public []byte, name string) []byte {
	b := []byte{configID}
	b = binary.BigEndian.AppendUint16(b, kemX25519)
	b = append(b, vector16(public)...)
	b = append(b, vector16([]byte{0, kdfSHA256, 0, aeadAES128})...)
	b = append(b, 0, byte(len(name)))
	b = append(b, name...)
	b = append(b, vector16(nil)...)
	return append([]byte{configVersion >> 8, configVersion & 0xff}, vector16(b)...)
}

// RFC 9180 section 4.1: the shared secret of what a client encapsulated for this key.
func sharedSecret(secret *ecdh.PrivateKey, enc []byte) []byte {
	suite := []byte{'K', 'E', 'M', 0, kemX25519}
	labeled := func(label string, rest []byte) []byte {
		return append(append(append([]byte("HPKE-v1"), suite...), label...), rest...)
	}
	peer, err := ecdh.X25519().NewPublicKey(enc)
	check(err)
	dh, err := secret.ECDH(peer)
	check(err)
	extracted, err := hkdf.Extract(sha256.New, labeled("eae_prk", dh), nil)
	check(err)
	context := append(append([]byte{}, enc...), secret.PublicKey().Bytes()...)
	shared, err := hkdf.Expand(sha256.New, extracted, string(append([]byte{0, 32}, labeled("shared_secret", context)...)), 32)
	check(err)
	return shared
}

// A connection whose first record, the ClientHello, is looked at in passing.
type overheard struct {
	net.Conn
	ahead  []byte
	secret *ecdh.PrivateKey
	config []byte
}

func (o *overheard) listen() {
	header := make([]byte, 5)
	_, err := io.ReadFull(o.Conn, header)
	check(err)
	body := make([]byte, binary.BigEndian.Uint16(header[3:]))
	_, err = io.ReadFull(o.Conn, body)
	check(err)
	o.ahead = append(header, body...)
	o.tell(body[4:])
}

func (o *overheard) Read(b []byte) (int, error) {
	if len(o.ahead) == 0 {
		return o.Conn.Read(b)
	}
	n := copy(b, o.ahead)
	o.ahead = o.ahead[n:]
	return n, nil
}

func vector(b []byte, width int) (content, rest []byte) {
	n := 0
	for _, one := range b[:width] {
		n = n<<8 | int(one)
	}
	return b[width : width+n], b[width+n:]
}

// Lines for a key log (RFC 9850) from a ClientHello that offers ECH by this configuration.
func (o *overheard) tell(hello []byte) {
	random := hello[2:34]
	_, rest := vector(hello[34:], 1)
	_, rest = vector(rest, 2)
	_, rest = vector(rest, 1)
	extensions, _ := vector(rest, 2)
	for len(extensions) > 0 {
		number := binary.BigEndian.Uint16(extensions)
		var content []byte
		content, extensions = vector(extensions[2:], 2)
		if number != configVersion || content[0] != 0 {
			continue
		}
		enc, _ := vector(content[6:], 2)
		fmt.Printf("ECH_SECRET %x %x\n", random, sharedSecret(o.secret, enc))
		fmt.Printf("ECH_CONFIG %x %x\n", random, o.config)
	}
}

func groups(name string) []tls.CurveID {
	return map[string][]tls.CurveID{"": nil, "P-384": {tls.CurveP384}}[name]
}

func server(port, cert, key, name, group string) {
	secret, err := ecdh.X25519().GenerateKey(rand.Reader)
	check(err)
	own := echConfig(secret.PublicKey().Bytes(), name)
	identity, err := tls.LoadX509KeyPair(cert, key)
	check(err)
	config := &tls.Config{
		MinVersion:               tls.VersionTLS13,
		CurvePreferences:         groups(group),
		Certificates:             []tls.Certificate{identity},
		EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{{Config: own, PrivateKey: secret.Bytes(), SendAsRetry: true}},
	}
	fmt.Println("list", hex.EncodeToString(vector16(own)))
	listener, err := net.Listen("tcp", ":"+port)
	check(err)
	for {
		plain, err := listener.Accept()
		check(err)
		tapped := &overheard{Conn: plain, secret: secret, config: own}
		tapped.listen()
		connection := tls.Server(tapped, config)
		if err := connection.Handshake(); err != nil {
			fmt.Println("error:", err)
		} else {
			state := connection.ConnectionState()
			fmt.Println("name", state.ServerName, "ech", state.ECHAccepted)
			data := make([]byte, 100)
			n, _ := connection.Read(data)
			_, _ = connection.Write(data[:n])
		}
		connection.Close()
	}
}

func client(address, name, root, keylog, list string) {
	pem, err := os.ReadFile(root)
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	secrets, err := os.Create(keylog)
	check(err)
	configs, err := hex.DecodeString(list)
	check(err)
	connection, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, RootCAs: roots, KeyLogWriter: secrets,
		EncryptedClientHelloConfigList: configs})
	check(err)
	state := connection.ConnectionState()
	fmt.Println("cipher", tls.CipherSuiteName(state.CipherSuite), "ech", state.ECHAccepted)
	_, err = connection.Write([]byte("hello\n"))
	check(err)
	_, err = connection.Read(make([]byte, 100))
	check(err)
	connection.Close()
}

func main() {
	if os.Args[1] == "server" {
		server(os.Args[2], os.Args[3], os.Args[4], os.Args[5], append(os.Args, "")[6])
	} else {
		client(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6])
	}
}
