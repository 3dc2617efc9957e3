# shellcheck shell=bash
# The result that every source of the Kubernetes image fills, below a directory:
#   bin/{kubeadm,kubelet,kubectl,crictl[,conntrack]}          programs of the host
#   cri/{containerd,containerd-shim-runc-v2,ctr,runc,registry}  the runtime and the registry
#   cri/lib/                                                  libraries that a host may lack
#   cni/                                                      CNI plugins
#   images/shim/DefaultImageList                              container images, under the names that kubeadm asks for
#   components/NAME/                                          root directories of those that are to be built (debian only)
#   etc/kubeadm.yml                                           what kubeadm must know of this source, where it must
#   settings                                                  shell assignments: version, skip_phases, config_version, fallback, origin

new_result() { mkdir -p "$1"/{bin,cri/lib,cni,images/shim}; }

# write_settings DIRECTORY VERSION SKIP_PHASES CONTAINERD_CONFIG_VERSION FALLBACK ORIGIN
# FALLBACK: whether images that the cluster's registry has not are asked of the registries on the internet.
write_settings() { printf 'version=%q\nskip_phases=%q\nconfig_version=%q\nfallback=%q\norigin=%q\n' "${@:2}" > "$1/settings"; }

# take SOURCE DESTINATION: the same file twice where the file system can, else a copy.
take() { ln -fT "$1" "$2" 2> /dev/null || cp -p "$1" "$2"; }
