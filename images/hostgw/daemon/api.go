package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// nodeInfo is what routes are made from.
type nodeInfo struct {
	name string
	// One for each family of addresses, at most two; the others are empty.
	ranges [2]podRange
}

// podRange is a block of pods' addresses and the node's own address of that family.
type podRange struct{ cidr, address string }

func isIPv6(text string) bool { return strings.Contains(text, ":") }

// api asks the API server as this pod's service account.
type api struct {
	url, directory string
	client         *http.Client
}

func newAPI(url, directory string) (*api, error) {
	if url == "" {
		return nil, fmt.Errorf("API_URL is not set")
	}
	pem, err := os.ReadFile(filepath.Join(directory, "ca.crt"))
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s/ca.crt holds no certificate", directory)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}, ResponseHeaderTimeout: 30 * time.Second}
	return &api{url, directory, &http.Client{Transport: transport}}, nil
}

// The members of a Node that are read (Kubernetes API, core/v1).
type object struct {
	Metadata struct {
		Name            string `json:"name"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
	Spec struct {
		PodCIDR  string   `json:"podCIDR"`
		PodCIDRs []string `json:"podCIDRs"`
	} `json:"spec"`
	Status struct {
		Addresses []struct{ Type, Address string } `json:"addresses"`
	} `json:"status"`
}

func (o object) info() nodeInfo {
	info := nodeInfo{name: o.Metadata.Name}
	blocks := o.Spec.PodCIDRs
	if len(blocks) == 0 && o.Spec.PodCIDR != "" {
		blocks = []string{o.Spec.PodCIDR}
	}
	for i := range info.ranges {
		if i >= len(blocks) {
			break
		}
		info.ranges[i].cidr = blocks[i]
		for _, address := range o.Status.Addresses {
			if address.Type == "InternalIP" && isIPv6(address.Address) == isIPv6(blocks[i]) && info.ranges[i].address == "" {
				info.ranges[i].address = address.Address
			}
		}
	}
	return info
}

// get opens a list or a watch. The token is read anew each time: the kubelet renews it.
func (a *api) get(ctx context.Context, query url.Values) (*http.Response, error) {
	token, err := os.ReadFile(filepath.Join(a.directory, "token"))
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/api/v1/nodes?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s answers %s", a.url, response.Status)
	}
	return response, nil
}

// watchNodes sends all nodes, sorted by name, each time that what routes are made from changes.
func (a *api) watchNodes(ctx context.Context) <-chan []nodeInfo {
	lists := make(chan []nodeInfo)
	go func() {
		for ctx.Err() == nil {
			if err := a.follow(ctx, lists); err != nil && ctx.Err() == nil {
				log.Println("asking for the nodes again in 2 s:", err)
				select {
				case <-ctx.Done():
				case <-time.After(2 * time.Second):
				}
			}
		}
	}()
	return lists
}

// follow lists once, then watches until the API server ends the watch.
func (a *api) follow(ctx context.Context, lists chan<- []nodeInfo) error {
	response, err := a.get(ctx, nil)
	if err != nil {
		return err
	}
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items []object `json:"items"`
	}
	err = json.NewDecoder(response.Body).Decode(&list)
	response.Body.Close()
	if err != nil {
		return err
	}
	nodes := map[string]nodeInfo{}
	for _, item := range list.Items {
		nodes[item.Metadata.Name] = item.info()
	}
	send(ctx, lists, nodes)
	// A connection that died without a word ends too.
	watch, cancel := context.WithTimeout(ctx, 330*time.Second)
	defer cancel()
	response, err = a.get(watch, url.Values{"watch": {"1"}, "resourceVersion": {list.Metadata.ResourceVersion}, "timeoutSeconds": {"300"}})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	events := json.NewDecoder(response.Body)
	for {
		var event struct {
			Type   string `json:"type"`
			Object object `json:"object"`
		}
		if err := events.Decode(&event); err != nil {
			return nil // the watch's time is over
		}
		name, now := event.Object.Metadata.Name, event.Object.info()
		before, known := nodes[name]
		switch event.Type {
		case "ADDED", "MODIFIED":
			// A node's heartbeat changes nothing here.
			if known && before == now {
				continue
			}
			nodes[name] = now
		case "DELETED":
			delete(nodes, name)
		default:
			return fmt.Errorf("the watch ended with %s", event.Type)
		}
		send(ctx, lists, nodes)
	}
}

func send(ctx context.Context, lists chan<- []nodeInfo, nodes map[string]nodeInfo) {
	sorted := make([]nodeInfo, 0, len(nodes))
	for _, one := range nodes {
		sorted = append(sorted, one)
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].name < sorted[j].name })
	select {
	case lists <- sorted:
	case <-ctx.Done():
	}
}
