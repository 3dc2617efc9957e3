# shellcheck shell=bash
# The result that every source of the Kubernetes image fills, below a directory:
#   bin/{kubeadm,kubelet,kubectl,crictl[,conntrack]}          programs of the host
#   cri/{containerd,containerd-shim-runc-v2,ctr,runc,registry}  the runtime and the registry
#   cri/lib/                                                  libraries that a host may lack
#   cni/                                                      CNI plugins
#   images/shim/DefaultImageList                              container images, under the names that kubeadm asks for
#   components/NAME/                                          root directories of those that are to be built (debian only)
#   settings                                                  shell assignments: version, skip_phases, config_version, origin

new_result() { mkdir -p "$1"/{bin,cri/lib,cni,images/shim}; }

# write_settings DIRECTORY VERSION SKIP_PHASES CONTAINERD_CONFIG_VERSION ORIGIN
write_settings() { printf 'version=%q\nskip_phases=%q\nconfig_version=%q\norigin=%q\n' "${@:2}" > "$1/settings"; }

# take SOURCE DESTINATION: the same file twice where the file system can, else a copy.
take() { ln -fT "$1" "$2" 2> /dev/null || cp -p "$1" "$2"; }
