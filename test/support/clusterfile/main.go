// Reads a Clusterfile's documents into the types that sealos publishes for them (sealos-interop.md §4.1) and prints what it understood.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

type ssh struct {
	User     string `json:"user,omitempty"`
	Passwd   string `json:"passwd,omitempty"`
	PkName   string `json:"pkName,omitempty"`
	PkData   string `json:"pkData,omitempty"`
	Pk       string `json:"pk,omitempty"`
	PkPasswd string `json:"pkPasswd,omitempty"`
	Port     uint16 `json:"port,omitempty"`
}

type condition struct {
	Type              string    `json:"type"`
	Status            string    `json:"status"`
	LastHeartbeatTime time.Time `json:"lastHeartbeatTime,omitempty"`
	Reason            string    `json:"reason,omitempty"`
	Message           string    `json:"message,omitempty"`
	Images            []string  `json:"images,omitempty"`
}

type document struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
	Metadata   struct {
		Name              string     `json:"name"`
		CreationTimestamp *time.Time `json:"creationTimestamp"`
		DeletionTimestamp *time.Time `json:"deletionTimestamp,omitempty"`
	} `json:"metadata"`
	Spec struct {
		Image []string `json:"image,omitempty"`
		SSH   ssh      `json:"ssh"`
		Hosts []struct {
			IPS   []string `json:"ips,omitempty"`
			Roles []string `json:"roles,omitempty"`
			Env   []string `json:"env,omitempty"`
			SSH   *ssh     `json:"ssh,omitempty"`
		} `json:"hosts,omitempty"`
		Env     []string `json:"env,omitempty"`
		Command []string `json:"command,omitempty"`
		// Of a Config.
		Match    string `json:"match,omitempty"`
		Path     string `json:"path,omitempty"`
		Strategy string `json:"strategy,omitempty"`
		Data     string `json:"data,omitempty"`
	} `json:"spec,omitempty"`
	Status struct {
		Phase  string `json:"phase,omitempty"`
		Mounts []struct {
			Name       string            `json:"name"`
			Type       string            `json:"type"`
			ImageName  string            `json:"imageName"`
			MountPoint string            `json:"mountPoint,omitempty"`
			Env        map[string]string `json:"env,omitempty"`
			Labels     map[string]string `json:"labels,omitempty"`
			Cmd        []string          `json:"cmd,omitempty"`
			Entrypoint []string          `json:"entrypoint,omitempty"`
		} `json:"mounts,omitempty"`
		Conditions        []condition `json:"conditions,omitempty"`
		CommandConditions []condition `json:"commandCondition,omitempty"`
	} `json:"status"`
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	documents := []document{}
	for _, part := range strings.Split(string(text), "\n---\n") {
		var one document
		if err := yaml.Unmarshal([]byte(part+"\n"), &one); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		documents = append(documents, one)
	}
	if err := json.NewEncoder(os.Stdout).Encode(documents); err != nil {
		panic(err)
	}
}
