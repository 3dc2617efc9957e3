#!/bin/bash
# Nothing is to be done for containerd, which has the login in its settings; the others log in here.
cd "$(dirname "$0")" && source common.sh
