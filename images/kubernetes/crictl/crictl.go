// crictl is what kubeadm, the scripts of this image and an administrator in need ask of a container runtime, over its CRI socket.
// Debian has no crictl. Same command names and the same output as the original for what is here; compiled with the CRI client of
// Kubernetes' own source.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const usage = `usage: crictl [-r ENDPOINT] [-i ENDPOINT] [-t SECONDS] COMMAND

  version                    info
  pods [-q]                  stopp POD...          rmp [-f] POD...
  ps [-a] [-q]               stop CONTAINER...     rm [-f] CONTAINER...
  inspectp POD               inspect CONTAINER     logs CONTAINER
  images [-q]                pull IMAGE            inspecti IMAGE     rmi IMAGE...`

type client struct {
	cri.RuntimeServiceClient
	cri.ImageServiceClient
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	endpoint, timeout := "/run/containerd/containerd.sock", 15*time.Minute
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, joined := strings.Cut(args[0], "=")
		args = args[1:]
		if !joined {
			if len(args) == 0 {
				return fmt.Errorf("%s needs a value\n%s", name, usage)
			}
			value, args = args[0], args[1:]
		}
		switch name {
		case "-r", "--runtime-endpoint":
			endpoint = strings.TrimPrefix(value, "unix://")
		case "-i", "--image-endpoint", "-c", "--config":
		case "-t", "--timeout":
			seconds, err := time.ParseDuration(strings.TrimSuffix(value, "s") + "s")
			if err != nil {
				return err
			}
			timeout = seconds
		default:
			return fmt.Errorf("there is no option %s\n%s", name, usage)
		}
	}
	if len(args) == 0 {
		return fmt.Errorf("no command\n%s", usage)
	}
	command, flags, names := args[0], map[string]bool{}, []string{}
	for _, arg := range args[1:] {
		if strings.HasPrefix(arg, "-") {
			flags[strings.TrimLeft(arg, "-")] = true
		} else {
			names = append(names, arg)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	dial, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	connection, err := grpc.DialContext(dial, "unix://"+endpoint, grpc.WithInsecure(), grpc.WithBlock(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)))
	if err != nil {
		return fmt.Errorf("nothing answers on %s: %w", endpoint, err)
	}
	defer connection.Close()
	return client{cri.NewRuntimeServiceClient(connection), cri.NewImageServiceClient(connection)}.do(ctx, command, flags, names)
}

func (c client) do(ctx context.Context, command string, flags map[string]bool, names []string) error {
	quiet := flags["q"] || flags["quiet"]
	switch command {
	case "version":
		answer, err := c.Version(ctx, &cri.VersionRequest{})
		if err == nil {
			fmt.Printf("Version:  %s\nRuntimeName:  %s\nRuntimeVersion:  %s\nRuntimeApiVersion:  %s\n",
				answer.Version, answer.RuntimeName, answer.RuntimeVersion, answer.RuntimeApiVersion)
		}
		return err
	case "info":
		answer, err := c.Status(ctx, &cri.StatusRequest{})
		return show(answer, err)
	case "pods":
		answer, err := c.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
		if err != nil {
			return err
		}
		rows := [][]string{{"POD ID", "CREATED", "STATE", "NAME", "NAMESPACE"}}
		for _, pod := range answer.Items {
			rows = append(rows, []string{pod.Id, age(pod.CreatedAt), strings.TrimPrefix(pod.State.String(), "SANDBOX_"), pod.Metadata.Name, pod.Metadata.Namespace})
		}
		return table(rows, quiet)
	case "ps":
		filter := &cri.ContainerFilter{}
		if !flags["a"] && !flags["all"] {
			filter.State = &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
		}
		answer, err := c.ListContainers(ctx, &cri.ListContainersRequest{Filter: filter})
		if err != nil {
			return err
		}
		rows := [][]string{{"CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "POD ID"}}
		for _, one := range answer.Containers {
			rows = append(rows, []string{one.Id, one.Image.Image, age(one.CreatedAt), strings.TrimPrefix(one.State.String(), "CONTAINER_"), one.Metadata.Name, one.PodSandboxId})
		}
		return table(rows, quiet)
	case "images":
		answer, err := c.ListImages(ctx, &cri.ListImagesRequest{})
		if err != nil {
			return err
		}
		rows := [][]string{{"IMAGE ID", "SIZE", "NAMES"}}
		for _, image := range answer.Images {
			rows = append(rows, []string{image.Id, fmt.Sprintf("%.1fMB", float64(image.Size_)/1e6), strings.Join(image.RepoTags, " ")})
		}
		return table(rows, quiet)
	case "pull":
		if len(names) != 1 {
			return fmt.Errorf("pull takes one image\n%s", usage)
		}
		answer, err := c.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: names[0]}})
		if err == nil {
			fmt.Println("Image is up to date for", answer.ImageRef)
		}
		return err
	}
	each, known := map[string]func(id string) error{
		"stopp": func(id string) error { return c.stopPod(ctx, id) },
		"rmp":   func(id string) error { return c.removePod(ctx, id, flags) },
		"stop": func(id string) error {
			_, err := c.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: 10})
			return err
		},
		"rm": func(id string) error { return c.removeContainer(ctx, id, flags) },
		"rmi": func(id string) error {
			_, err := c.RemoveImage(ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: id}})
			return err
		},
		"inspectp": func(id string) error {
			answer, err := c.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: id})
			return show(answer, err)
		},
		"inspect": func(id string) error {
			answer, err := c.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
			return show(answer, err)
		},
		"logs":     func(id string) error { return c.logs(ctx, id) },
		"inspecti": func(id string) error { return c.inspectImage(ctx, id) },
	}[command]
	if !known {
		return fmt.Errorf("there is no command %s\n%s", command, usage)
	}
	if len(names) == 0 {
		return fmt.Errorf("%s of what?\n%s", command, usage)
	}
	var failed error
	for _, name := range names {
		if err := each(name); err != nil {
			failed = fmt.Errorf("%s %s: %w", command, name, err)
			fmt.Fprintln(os.Stderr, "crictl:", failed)
		}
	}
	return failed
}

func (c client) stopPod(ctx context.Context, id string) error {
	_, err := c.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
	if err == nil {
		fmt.Println("Stopped sandbox", id)
	}
	return err
}

func (c client) removePod(ctx context.Context, id string, flags map[string]bool) error {
	if flags["f"] || flags["force"] {
		if err := c.stopPod(ctx, id); err != nil {
			return err
		}
	}
	_, err := c.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id})
	if err == nil {
		fmt.Println("Removed sandbox", id)
	}
	return err
}

func (c client) removeContainer(ctx context.Context, id string, flags map[string]bool) error {
	if flags["f"] || flags["force"] {
		if _, err := c.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id}); err != nil {
			return err
		}
	}
	_, err := c.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: id})
	return err
}

// The kubelet and the runtime write a container's output to a file on this host.
func (c client) logs(ctx context.Context, id string) error {
	answer, err := c.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		return err
	}
	content, err := os.ReadFile(answer.Status.LogPath)
	if err != nil {
		return err
	}
	// Each line is: time, stream, F or P, text.
	for _, line := range strings.SplitAfter(string(content), "\n") {
		if parts := strings.SplitN(line, " ", 4); len(parts) == 4 {
			fmt.Print(parts[3])
		}
	}
	return nil
}

func (c client) inspectImage(ctx context.Context, name string) error {
	answer, err := c.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
	if err == nil && answer.Image == nil {
		return fmt.Errorf("no such image is here")
	}
	return show(answer, err)
}

func show(answer interface{}, err error) error {
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answer)
}

func age(nanoseconds int64) string {
	return time.Since(time.Unix(0, nanoseconds)).Round(time.Second).String() + " ago"
}

// table prints rows below a heading; quiet, only their first column.
func table(rows [][]string, quiet bool) error {
	writer := tabwriter.NewWriter(os.Stdout, 0, 8, 3, ' ', 0)
	for index, row := range rows {
		if quiet && index > 0 {
			fmt.Println(row[0])
		} else if !quiet {
			fmt.Fprintln(writer, strings.Join(row, "\t"))
		}
	}
	return writer.Flush()
}
