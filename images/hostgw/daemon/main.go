// hostgw gives the pods of a node a network: it writes the configuration of the bridge CNI plugin from the node's pod range, keeps a
// route to the pod range of every other node by way of that node's address, and hides pods behind the node's address when they speak
// to the world outside. Hosts must share one network segment; what is between routers needs a real network plugin.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatalln("hostgw:", err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	name := os.Getenv("NODE_NAME")
	if name == "" {
		return fmt.Errorf("NODE_NAME is not set")
	}
	api, err := newAPI(os.Getenv("API_URL"), "/var/run/secrets/kubernetes.io/serviceaccount")
	if err != nil {
		return err
	}
	node := &node{name: name, cluster: os.Getenv("POD_CIDR"), conf: "/etc/cni/net.d/10-hostgw.conflist"}
	// What is known is set again now and then: somebody else may have taken a rule or a route away.
	again := time.NewTicker(time.Minute)
	defer again.Stop()
	var known []nodeInfo
	for nodes := range merge(ctx, api.watchNodes(ctx), again.C, &known) {
		if err := node.apply(nodes); err != nil {
			log.Println(err)
		}
	}
	// Pods keep their network while this daemon is replaced: nothing is taken back here.
	return nil
}

// merge hands on every new list, and the last one again at every tick; it ends with ctx.
func merge(ctx context.Context, lists <-chan []nodeInfo, tick <-chan time.Time, known *[]nodeInfo) <-chan []nodeInfo {
	out := make(chan []nodeInfo)
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case *known = <-lists:
			case <-tick:
			}
			if *known == nil {
				continue
			}
			select {
			case out <- *known:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
