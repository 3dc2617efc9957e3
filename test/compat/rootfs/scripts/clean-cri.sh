#!/bin/bash
# clean-cri.sh CRI_DATA
source record.sh
record "$@"
bash clean-containerd.sh "$@"
