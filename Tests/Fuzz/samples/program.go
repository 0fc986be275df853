// A client without symbols.
package main

import "crypto/tls"

func main() { tls.Dial("tcp", "127.0.0.1:443", &tls.Config{ServerName: "first.test"}) }
