// Both ends of TLS 1.3 with an encrypted ClientHello: ech.go server PORT CERT KEY PUBLIC-NAME, or client ADDRESS NAME ROOT KEYLOG LIST.
//
// The server makes a key of its own and says, in hex, the ECHConfigList (RFC 9849 section 4) that belongs to it; the client
// takes one from anywhere.
package main

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"fmt"
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

func server(port, cert, key, name string) {
	secret, err := ecdh.X25519().GenerateKey(rand.Reader)
	check(err)
	own := echConfig(secret.PublicKey().Bytes(), name)
	identity, err := tls.LoadX509KeyPair(cert, key)
	check(err)
	config := &tls.Config{
		MinVersion:               tls.VersionTLS13,
		Certificates:             []tls.Certificate{identity},
		EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{{Config: own, PrivateKey: secret.Bytes(), SendAsRetry: true}},
	}
	fmt.Println("list", hex.EncodeToString(vector16(own)))
	listener, err := net.Listen("tcp", ":"+port)
	check(err)
	for {
		plain, err := listener.Accept()
		check(err)
		connection := tls.Server(plain, config)
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
		server(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	} else {
		client(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6])
	}
}
