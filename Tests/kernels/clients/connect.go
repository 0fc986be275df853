// connect ADDRESS NAME: a TLS handshake by crypto/tls.
package main

import (
	"crypto/tls"
	"fmt"
	"os"
)

func main() {
	connection, err := tls.Dial("tcp", os.Args[1], &tls.Config{ServerName: os.Args[2], InsecureSkipVerify: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	connection.Close()
}
