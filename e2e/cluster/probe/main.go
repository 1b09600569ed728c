// probe is what runs in the pods of the end-to-end tests: it answers, asks and counts. Static, so that an image needs nothing else.
//
//	probe serve PORT           HTTP: "<hostname> <address of the asker>", /bytes/N: that many; UDP on the same port answers as /
//	probe get URL              one GET, body to stdout; exit 1 where it fails
//	probe udp HOST:PORT        one datagram, the answer to stdout
//	probe load URL MS          a GET with a connection of its own each MS milliseconds until stdin ends; then {"sent":n,"lost":n,"errors":[…]}
//	probe api PATH             GET of the API server as the pod's service account
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: probe serve PORT | get URL | udp HOST:PORT | load URL MS | api PATH"))
	}
	switch arg := os.Args[2]; os.Args[1] {
	case "serve":
		serve(arg)
	case "get":
		body, err := get(client(), arg, "")
		fail(err)
		fmt.Print(body)
	case "udp":
		askDatagram(arg)
	case "load":
		load(arg, os.Args[3])
	case "api":
		askServer(arg)
	}
}

func serve(port string) {
	host, _ := os.Hostname()
	answer := func(asker string) string { return host + " " + asker + "\n" }
	socket, err := net.ListenPacket("udp", ":"+port)
	fail(err)
	go func() {
		buffer := make([]byte, 2048)
		for {
			if _, asker, err := socket.ReadFrom(buffer); err == nil {
				socket.WriteTo([]byte(answer(asker.String())), asker)
			}
		}
	}()
	http.HandleFunc("/bytes/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("n"))
		w.Write(make([]byte, n))
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answer(r.RemoteAddr)) })
	fail(http.ListenAndServe(":"+port, nil))
}

// A connection for each request: one that is kept would not notice a broken way for new ones.
func client() *http.Client {
	return &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
}

func get(c *http.Client, url, token string) (string, error) {
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != 200 {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), err
}

func askDatagram(target string) {
	socket, err := net.DialTimeout("udp", target, 3*time.Second)
	fail(err)
	socket.SetDeadline(time.Now().Add(3 * time.Second))
	_, err = socket.Write([]byte("?"))
	fail(err)
	buffer := make([]byte, 2048)
	n, err := socket.Read(buffer)
	fail(err)
	os.Stdout.Write(buffer[:n])
}

func load(url, milliseconds string) {
	pause, err := strconv.Atoi(milliseconds)
	fail(err)
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	var (
		waiting sync.WaitGroup
		lock    sync.Mutex
		result  struct {
			Sent   int      `json:"sent"`
			Lost   int      `json:"lost"`
			Errors []string `json:"errors"`
		}
	)
	result.Errors = []string{}
	c := client()
	tick := time.NewTicker(time.Duration(pause) * time.Millisecond)
	for going := true; going; {
		select {
		case <-ended:
			going = false
		case <-tick.C:
			result.Sent++
			waiting.Go(func() {
				if _, err := get(c, url, ""); err != nil {
					lock.Lock()
					defer lock.Unlock()
					result.Lost++
					if len(result.Errors) < 10 {
						result.Errors = append(result.Errors, time.Now().Format(time.TimeOnly)+" "+err.Error())
					}
				}
			})
		}
	}
	waiting.Wait()
	json.NewEncoder(os.Stdout).Encode(result)
}

func askServer(path string) {
	authority, err := os.ReadFile(account + "ca.crt")
	fail(err)
	token, err := os.ReadFile(account + "token")
	fail(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	server := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	body, err := get(c, "https://"+server+path, string(token))
	fail(err)
	fmt.Print(body)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
