// whoami answers HTTP with where it runs; /peer?url=URL answers with what another one says, over the pod network.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

var client = &http.Client{Timeout: 5 * time.Second}

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	http.HandleFunc("/", whoami)
	http.HandleFunc("/peer", peer)
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		// Requests that are under way are answered.
		deadline, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(deadline)
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatalln("whoami:", err)
	}
}

func whoami(writer http.ResponseWriter, request *http.Request) {
	if request.URL.Path != "/" {
		http.NotFound(writer, request)
		return
	}
	fmt.Fprintf(writer, "I am %s at %s on %s; you are %s\n", os.Getenv("POD_NAME"), os.Getenv("POD_IP"), os.Getenv("NODE_NAME"), request.RemoteAddr)
}

func peer(writer http.ResponseWriter, request *http.Request) {
	target, err := url.Parse(request.URL.Query().Get("url"))
	if err != nil || target.Scheme != "http" || target.Host == "" {
		http.Error(writer, "ask for /peer?url=http://ADDRESS:PORT/", http.StatusBadRequest)
		return
	}
	answer, err := client.Get(target.String())
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	fmt.Fprintf(writer, "%s hears: ", os.Getenv("POD_NAME"))
	_, _ = io.Copy(writer, io.LimitReader(answer.Body, 64<<10))
}
