package main

import (
	"fmt"
	"net"
	"syscall"
)

// heldRoutes asks the kernel for the routes of this daemon's protocol: pod range to next hop. (busybox's `ip` lists all of them.)
func heldRoutes() (map[string]string, error) {
	held := map[string]string{}
	answer, err := syscall.NetlinkRIB(syscall.RTM_GETROUTE, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("asking the kernel for its routes: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(answer)
	if err != nil {
		return nil, fmt.Errorf("reading the kernel's routes: %w", err)
	}
	for i := range messages {
		// struct rtmsg (rtnetlink(7)): family, destination's length, source's length, tos, table, protocol, ...
		data := messages[i].Data
		if messages[i].Header.Type != syscall.RTM_NEWROUTE || len(data) < syscall.SizeofRtMsg || data[5] != protocolNumber {
			continue
		}
		attributes, err := syscall.ParseNetlinkRouteAttr(&messages[i])
		if err != nil {
			return nil, fmt.Errorf("reading a route: %w", err)
		}
		var to, via net.IP
		for _, attribute := range attributes {
			switch attribute.Attr.Type {
			case syscall.RTA_DST:
				to = attribute.Value
			case syscall.RTA_GATEWAY:
				via = attribute.Value
			}
		}
		if to != nil && via != nil {
			held[fmt.Sprintf("%s/%d", to, data[1])] = via.String()
		}
	}
	return held, nil
}
