package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Routes of this daemon carry this number of a protocol, so that it never touches another's.
const protocolNumber = 88

var protocol = fmt.Sprint(protocolNumber)

// node is this host's part of the pod network.
type node struct {
	name string
	// The blocks of all pods, one for each family, separated by commas.
	cluster string
	conf    string
}

// apply makes the host what the nodes ask for. Everything is tried; the first error is returned.
func (n *node) apply(nodes []nodeInfo) error {
	var own []string
	routes := map[string]string{}
	for _, other := range nodes {
		for _, pods := range other.ranges {
			if pods.cidr == "" {
				continue
			}
			if other.name == n.name {
				own = append(own, pods.cidr)
			} else if pods.address != "" {
				routes[pods.cidr] = pods.address
			}
		}
	}
	if len(own) == 0 {
		return fmt.Errorf("node %s has no pod range yet", n.name)
	}
	failed := setRoutes(routes)
	// Rules before the configuration: the kubelet calls the node ready when it sees that file.
	for _, cidr := range own {
		if err := n.setRules(cidr); err != nil && failed == nil {
			failed = err
		}
	}
	if err := n.writeConf(own); err != nil && failed == nil {
		failed = err
	}
	return failed
}

// setRoutes makes the routes of this protocol exactly these (pod range: next hop).
func setRoutes(routes map[string]string) error {
	there, err := heldRoutes()
	if err != nil {
		return err
	}
	var failed error
	for cidr, via := range routes {
		if there[cidr] == via {
			continue
		}
		if _, err := output("ip", "route", "replace", cidr, "via", via, "proto", protocol); err != nil {
			failed = err
		} else {
			log.Printf("%s is reached by way of %s", cidr, via)
		}
	}
	for cidr, via := range there {
		if _, wanted := routes[cidr]; !wanted {
			if _, err := output("ip", "route", "del", cidr, "via", via, "proto", protocol); err != nil {
				failed = err
			} else {
				log.Printf("%s is no longer reached by way of %s", cidr, via)
			}
		}
	}
	return failed
}

// setRules: pods are let through, and leave for the world outside the cluster with the node's address.
func (n *node) setRules(own string) error {
	cluster := own
	for _, block := range strings.Split(n.cluster, ",") {
		if block != "" && isIPv6(block) == isIPv6(own) {
			cluster = block
		}
	}
	family := "iptables"
	if isIPv6(own) {
		family = "ip6tables"
	}
	for _, chain := range []struct {
		table, from, name string
		rules             [][]string
	}{
		{"filter", "FORWARD", "HOSTGW-FORWARD", [][]string{{"-s", cluster, "-j", "ACCEPT"}, {"-d", cluster, "-j", "ACCEPT"}}},
		{"nat", "POSTROUTING", "HOSTGW-POSTROUTING", [][]string{{"-s", own, "!", "-d", cluster, "-j", "MASQUERADE"}}},
	} {
		table := []string{"-w", "10", "-t", chain.table}
		call := func(words ...string) error {
			_, err := output(family, append(append([]string{}, table...), words...)...)
			return err
		}
		if call("-n", "-L", chain.name) != nil {
			if err := call("-N", chain.name); err != nil {
				return err
			}
		}
		for _, rule := range chain.rules {
			if call(append([]string{"-C", chain.name}, rule...)...) != nil {
				if err := call(append([]string{"-A", chain.name}, rule...)...); err != nil {
					return err
				}
			}
		}
		if call("-C", chain.from, "-j", chain.name) != nil {
			if err := call("-A", chain.from, "-j", chain.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeConf writes the CNI configuration when it differs, whole or not at all.
func (n *node) writeConf(own []string) error {
	type object = map[string]interface{}
	var ranges [][]object
	var routes []object
	for _, cidr := range own {
		if _, _, err := net.ParseCIDR(cidr); err != nil {
			return err
		}
		anywhere := "0.0.0.0/0"
		if isIPv6(cidr) {
			anywhere = "::/0"
		}
		ranges = append(ranges, []object{{"subnet": cidr}})
		routes = append(routes, object{"dst": anywhere})
	}
	content, err := json.MarshalIndent(object{
		"cniVersion": "0.4.0",
		"name":       "hostgw",
		"plugins": []object{
			{
				"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
				"ipam": object{
					"type":   "host-local",
					"ranges": ranges,
					"routes": routes,
				},
			},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}, "", "  ")
	if err != nil {
		return err
	}
	content = append(content, '\n')
	if held, err := os.ReadFile(n.conf); err == nil && bytes.Equal(held, content) {
		return nil
	}
	temporary := filepath.Join(filepath.Dir(n.conf), ".hostgw")
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return err
	}
	log.Println("pods of this node get addresses of", strings.Join(own, " and "))
	return os.Rename(temporary, n.conf)
}

// output runs a program to its end; an error says what it printed.
func output(program string, words ...string) (string, error) {
	var printed, complaint bytes.Buffer
	command := exec.Command(program, words...)
	command.Stdout, command.Stderr = &printed, &complaint
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %v: %s", program, strings.Join(words, " "), err, strings.TrimSpace(complaint.String()))
	}
	return printed.String(), nil
}
